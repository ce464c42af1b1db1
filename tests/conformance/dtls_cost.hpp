// What a record costs beside time, once a connection stands: no memory, and no randomness, for its
// nonce is its number.
#pragma once
#include "tests/conformance/dtls_backend.hpp"
#include "tests/support/heap/cost.hpp"

namespace esp_peer::test {

TEST_P(DtlsBackend, sealing_and_opening_take_no_memory_and_no_randomness) {
  constexpr int warm_up = 200, records = 5'000;
  DtlsPair p(library());
  p.connect();
  std::array<std::byte, 1'200> text{};
  std::array<std::byte, 1'500> room{};
  int arrived = 0;
  const auto talk = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const bool back = i % 2 != 0;
      dtls::Endpoint &from = back ? *p.server.endpoint : *p.client.endpoint,
                     &to = back ? *p.client.endpoint : *p.server.endpoint;
      const Bytes said = Bytes(text).first(i % 3 == 0 ? text.size() : 60);
      const std::size_t sealed = from.seal(p.now, said, room);
      to.on_datagram(p.now, std::span(room).first(sealed));
      for (Bytes heard = to.read(p.now); !heard.empty(); heard = to.read(p.now)) {
        arrived += heard.size() == said.size() ? 1 : 0;
      }
    }
  };
  talk(warm_up);
  const std::size_t ours =
      p.client.world.memory.allocations() + p.server.world.memory.allocations();
  const long drawn = library().random_draws();
  const Cost cost;
  talk(records);
  const long from_heap = cost.allocations(), from_system = cost.system_random();
  EXPECT_EQ(arrived, warm_up + records);
  EXPECT_EQ(p.client.world.memory.allocations() + p.server.world.memory.allocations(), ours);
  EXPECT_EQ(library().random_draws(), drawn);
  EXPECT_EQ(from_system, 0);
  EXPECT_EQ(from_heap, 0);
}

// Or nothing above would be seen.
TEST_P(DtlsBackend, what_a_handshake_takes_is_counted) {
  const Cost cost;
  const long drawn = library().random_draws();
  DtlsPair p(library());
  p.connect();
  EXPECT_GT(cost.allocations(), 100);
  EXPECT_GT(library().random_draws(), drawn);
  const long before = cost.system_random();
  library().seed_from_system();
  EXPECT_GT(cost.system_random(), before);
}

}  // namespace esp_peer::test
