#include "backends/openssl/wire.hpp"

#include <algorithm>

namespace esp_peer::openssl {

BIO* Wire::make_bio() {
  BIO* bio = method() ? BIO_new(method()) : nullptr;
  if (bio) BIO_set_data(bio, this);
  return bio;
}

void Wire::on_datagram(Instant now, MutableBytes datagram) {
  now_ = now;
  gate_.on_datagram(now, datagram);
}

// ---------------------------------------------------------------- what OpenSSL calls

BIO_METHOD* Wire::method() {
  static BIO_METHOD* const made = [] {
    BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "esp_peer datagrams");
    if (!m) return m;
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_read(m, bio_read);
    BIO_meth_set_ctrl(m, bio_ctrl);
    BIO_meth_set_create(m, [](BIO* bio) {
      BIO_set_init(bio, 1);
      return 1;
    });
    return m;
  }();
  return made;
}

int Wire::bio_write(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const auto n = static_cast<std::size_t>(std::max(size, 0));
  return of(bio).outgoing_.write(std::as_bytes(std::span(data, n))) ? size : -1;
}

// One record is handed out as if it were a datagram: OpenSSL asks for the next only after it has
// obeyed this one, so that the gate knows by then which keys there are.
int Wire::bio_read(BIO* bio, char* out, int size) {
  Wire& self = of(bio);
  BIO_clear_retry_flags(bio);
  const Bytes record = self.gate_.read_record(self.now_);
  if (record.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t n = std::min(record.size(), static_cast<std::size_t>(std::max(size, 0)));
  copy_bytes(record.first(n), std::as_writable_bytes(std::span(out, n)));
  return static_cast<int>(n);
}

long Wire::bio_ctrl(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
      return of(bio).mtu_;
    default:
      return 0;
  }
}

}  // namespace esp_peer::openssl
