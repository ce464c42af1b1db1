// Any bytes as a STUN message: it is refused, or what was read can be written and read again.
#include <cstdint>

#include "backends/openssl/provider.hpp"
#include "stun/builder.hpp"
#include "stun/message.hpp"
#include "tests/fuzz/fuzz_parts.hpp"

namespace {

using namespace esp_peer;
using fuzz::require;

void write_again(const stun::Message& m) {
  std::array<std::byte, 1500> room{};
  stun::Builder b(room, m.kind, m.method, m.id);
  if (m.username) b.username(*m.username);
  if (m.priority) b.priority(*m.priority);
  if (m.controlling) b.controlling(*m.controlling);
  if (m.controlled) b.controlled(*m.controlled);
  if (m.use_candidate) b.use_candidate();
  if (m.mapped) b.xor_mapped_address(*m.mapped);
  if (m.error_code) b.error(*m.error_code, "why");
  b.unknown_attributes({m.unknown_required.begin(), m.unknown_required.size()});
  b.integrity(openssl::provider(), as_bytes("key"));
  const std::size_t size = b.finish();
  require(size != 0);
  const auto again = stun::parse(Bytes(room).first(size));
  require(again.has_value());
  require(again->kind == m.kind && again->method == m.method && again->id == m.id);
  require(again->username == m.username && again->priority == m.priority);
  require(again->controlling == m.controlling && again->controlled == m.controlled);
  require(again->use_candidate == m.use_candidate && again->error_code == m.error_code);
  require(again->mapped == m.mapped);
  require(again->integrity_matches(openssl::provider(), as_bytes("key")));
  require(!again->integrity_matches(openssl::provider(), as_bytes("kez")));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes = std::as_bytes(std::span(data, size));
  const auto m = stun::parse(bytes);
  if (!m) return 0;
  require(size >= stun::header_size && size % 4 == 0);
  require(!m->username || m->username->size() <= 508);
  static_cast<void>(m->integrity_matches(openssl::provider(), as_bytes("VOkJxbRl1RmTxUk/WvJxBt")));
  write_again(*m);
  return 0;
}
