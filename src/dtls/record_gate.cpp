#include "dtls/record_gate.hpp"

#include <initializer_list>

namespace esp_peer::dtls {
namespace {

// [rfc5246#6.2.1]
constexpr std::uint8_t change_cipher_spec = 20, alert = 21, handshake = 22, application_data = 23;
constexpr std::size_t header_size = 13;
// [rfc6347#4.1] DTLS 1.0 stands on the first ClientHello, 1.2 on everything else.
constexpr std::uint16_t dtls_1_0 = 0xFEFF, dtls_1_2 = 0xFEFD;
// A chain of certificates is the longest message of a handshake; one that proves a fingerprint is
// below 1 KB.
constexpr std::uint32_t max_message = 16 * 1024;

// [rfc5246#7.4] The messages that a flight in the clear may hold, a bit each. HelloRequest asks for
// what is refused; tickets and certificate status are never asked for.
constexpr std::uint32_t bits(std::initializer_list<int> messages) {
  std::uint32_t set = 0;
  for (const int message : messages) set |= 1u << message;
  return set;
}
constexpr int client_hello = 1, server_hello = 2, hello_verify_request = 3, certificate = 11,
              server_key_exchange = 12, certificate_request = 13, server_hello_done = 14,
              certificate_verify = 15, client_key_exchange = 16;
constexpr std::uint32_t client_messages =
    bits({client_hello, certificate, client_key_exchange, certificate_verify});
constexpr std::uint32_t server_messages =
    bits({server_hello, hello_verify_request, certificate, server_key_exchange, certificate_request,
          server_hello_done});

// [rfc5246#7.2] A warning in the clear says nothing that matters, except that the peer leaves.
bool plausible_alert(Bytes body) {
  constexpr std::uint8_t warning = 1, fatal = 2, close_notify = 0;
  Reader r(body);
  const std::uint8_t level = r.u8(), description = r.u8();
  return r.ok() && r.remaining() == 0 &&
         (level == fatal || (level == warning && description == close_notify));
}

}  // namespace

void RecordGate::on_datagram(Instant now, MutableBytes datagram) {
  if (!rest_.empty()) drop(now, "not read before the next datagram", rest_.size());
  rest_ = datagram;
}

Bytes RecordGate::read_record(Instant now) {
  shown_ = Buffer();
  while (first_ready() != held_count_) {
    const Bytes record = read_held(first_ready());
    if (sealed(record)) return record;
    drop(now, "too short for its cipher", record.size());
  }
  while (!rest_.empty()) {
    Record record;
    if (!split_record(record)) {
      drop(now, "broken record", rest_.size());
      rest_ = {};
      break;
    }
    if (const char* why = reason_to_drop(record)) {
      drop(now, why, record.whole.size());
    } else if (!ready(record.type, record.epoch)) {
      hold(now, record.whole);
    } else if (record.epoch == 1 && !sealed(record.whole)) {
      drop(now, "too short for its cipher", record.whole.size());
    } else {
      if (record.epoch == 0) renumber(record.whole);
      return record.whole;
    }
  }
  return {};
}

bool RecordGate::sealed(Bytes record) const {
  return record.size() >= header_size + cipher_overhead_;
}

void RecordGate::hash_state(StateHash& hash) const {
  hash.add(epoch_0_open_);
  hash.add(epoch_1_open_);
  hash.add(held_count_);
  hash.add(held_bytes_);
}

bool RecordGate::ready(std::uint8_t type, std::uint16_t epoch) const {
  if (epoch == 0) return true;
  return type == application_data ? !epoch_0_open_ : epoch_1_open_;
}

std::size_t RecordGate::first_ready() const {
  std::size_t i = 0;
  while (i < held_count_ && !ready(std::to_integer<std::uint8_t>(held_[i].bytes()[0]), 1)) ++i;
  return i;
}

Bytes RecordGate::read_held(std::size_t index) {
  shown_ = std::move(held_[index]);
  held_bytes_ -= shown_.size();
  --held_count_;
  for (std::size_t i = index; i < held_count_; ++i) held_[i] = std::move(held_[i + 1]);
  return shown_.bytes();
}

bool RecordGate::split_record(Record& record) {
  Reader r(rest_);
  record.type = r.u8();
  record.version = r.u16();
  record.epoch = r.u16();
  r.skip(6);  // the sequence number: the library's replay window knows it
  record.body = r.bytes(r.u16());
  if (!r.ok()) return false;
  record.whole = rest_.first(rest_.size() - r.remaining());
  rest_ = rest_.subspan(record.whole.size());
  return true;
}

// [rfc6347#4.1.2.6] Only what is authentic may move the replay window. In the clear nothing is, but
// OpenSSL moves it all the same: one stranger's record with a high number would shut out the peer.
// No hash holds these numbers, and the messages inside are counted by themselves.
void RecordGate::renumber(MutableBytes record) {
  Writer w(record.subspan(3));
  w.u64(next_in_clear_++);  // epoch 0, and 48 bits of number
}

const char* RecordGate::reason_to_drop(const Record& record) const {
  if (record.type < change_cipher_spec || record.type > application_data) return "unknown type";
  if (record.version != dtls_1_2 && record.version != dtls_1_0) return "unknown version";
  // [rfc6347#4.1] There is one handshake, so there are two epochs.
  if (record.epoch > 1) return "an epoch that never comes";
  if (record.epoch == 1) return nullptr;
  return reason_to_drop_clear(record);
}

const char* RecordGate::reason_to_drop_clear(const Record& record) const {
  if (!epoch_0_open_) return "in the clear after the handshake";
  switch (record.type) {
    case change_cipher_spec:
      return record.body.size() == 1 && record.body[0] == std::byte{1} ? nullptr : "bad CCS";
    case alert:
      return plausible_alert(record.body) ? nullptr : "bad alert";
    case handshake:
      return plausible_handshake(record.body) ? nullptr : "bad handshake message";
    default:
      return "data in the clear";
  }
}

// [rfc6347#4.2.2] Fragments, each inside its message. An empty one of a message that is not empty
// moves nothing on, and has sent others into a loop.
bool RecordGate::plausible_handshake(Bytes body) const {
  Reader r(body);
  do {
    const std::uint8_t type = r.u8();
    const std::uint32_t length = r.u24();
    r.skip(2);  // message_seq
    const std::uint32_t offset = r.u24(), size = r.u24();
    r.skip(size);
    if (!r.ok() || !peer_sends(type) || length > max_message) return false;
    if (size > length || offset > length - size) return false;
    if (size == 0 && length != 0) return false;
  } while (r.remaining() != 0);
  return true;
}

bool RecordGate::peer_sends(std::uint8_t message) const {
  return message < 32 &&
         ((role_ == Role::client ? server_messages : client_messages) >> message & 1);
}

void RecordGate::hold(Instant now, Bytes record) {
  if (held_count_ == max_held || record.size() > max_held_record) {
    return drop(now, "too much came before its keys", record.size());
  }
  Buffer copy = Buffer::copy_of(env_.memory, record);
  if (!copy) return drop(now, "no memory", record.size());
  held_[held_count_++] = std::move(copy);
  held_bytes_ += record.size();
}

void RecordGate::drop(Instant now, const char* why, std::size_t size) const {
  env_.trace(now, PacketDropped{"dtls", why, size});
}

}  // namespace esp_peer::dtls
