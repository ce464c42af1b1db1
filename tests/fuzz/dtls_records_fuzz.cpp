// Datagrams of anybody, each after its length in two bytes, on their way to a DTLS library: through
// the gate and, in the clear, through the joiner of hellos. Whatever comes: records come out whole
// and no longer than what came in, memory stays bounded, and a joined hello is one that would have
// been taken whole.
#include <algorithm>
#include <cstdint>

#include "dtls/hello_joiner.hpp"
#include "dtls/record_gate.hpp"
#include "tests/fuzz/fuzz_parts.hpp"

namespace {

using namespace esp_peer;
using fuzz::require;

constexpr std::size_t header = 13;
// Held records and the one that is shown; a hello, its bits, and the one before it.
constexpr std::size_t most_memory = 9 * 2048 + 2 * (dtls::HelloJoiner::max_hello * 9 / 8 + 64);

void check_hello(Bytes joined, fuzz::Memory& memory) {
  require(joined.size() > header + 12);
  require(joined.size() <= header + 12 + dtls::HelloJoiner::max_hello);
  Reader r(joined.subspan(header));
  require(r.u8() == 1);
  const std::uint32_t length = r.u24();
  require(r.u16() == 0 && r.u24() == 0 && r.u24() == length && r.remaining() == length);
  dtls::HelloJoiner fresh(memory);
  const Bytes again = fresh.on_record(joined);
  require(std::ranges::equal(again, joined));
}

void run(Bytes script) {
  Reader in(script);
  const std::uint8_t how = in.u8();
  const auto role = (how & 1) != 0 ? dtls::Role::client : dtls::Role::server;
  fuzz::Memory memory(most_memory, (how & 2) != 0 ? 3 : 0), other(most_memory);
  fuzz::CountingRandom random(1);
  dtls::RecordGate gate(role, Env{memory, random, {}});
  dtls::HelloJoiner joiner(memory);
  const Instant now{seconds(1)};
  while (in.remaining() >= 2) {
    const std::size_t size = in.u16();
    const Bytes piece = in.bytes(std::min(size & 0x3FFF, in.remaining()));
    std::vector<std::byte> datagram(piece.begin(), piece.end());
    if ((size & 0x4000) != 0) gate.open_epoch_1(16 + (how >> 4));
    if ((size & 0x8000) != 0) gate.close_epoch_0();
    gate.on_datagram(now, datagram);
    for (std::size_t steps = 0; gate.has_more(); ++steps) {
      require(steps <= datagram.size() / header + 9);
      const std::size_t before = gate.bytes_left();
      const Bytes record = gate.read_record(now);
      require(gate.bytes_left() + record.size() <= before);
      if (record.empty()) continue;
      require(record.size() >= header);
      require(record.size() == header + Reader(record.subspan(11)).u16());
      const Bytes joined = joiner.on_record(record);
      if (!joined.empty()) check_hello(joined, other);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  run(std::as_bytes(std::span(data, size)));
  return 0;
}
