// What every DTLS backend keeps to about memory, and in several threads.
#pragma once
#include <atomic>
#include <thread>
#include <utility>

#include "tests/conformance/dtls_backend.hpp"

namespace esp_peer::test {

// covers: bug 21
TEST_P(DtlsBackend, a_thousand_associations_leave_nothing_behind) {
  const auto round = [&](int i) {
    DtlsPair p(library(), static_cast<std::uint64_t>(i));
    auto wrong = p.client.identity->fingerprint();
    wrong.digest[0] ^= std::byte{1};
    i % 5 == 0 ? p.start({}, wrong) : p.start();
    p.run_for(milliseconds(i % 4 == 0 ? i % 5 : 20));  // some end in the middle
    if (i % 3 == 0) p.client.endpoint->close(p.now);
    if (i % 6 == 0) p.run_for(seconds(2));
  };
  for (int i = 0; i < 60; ++i) round(i);
  const std::size_t before = library().bytes();
  for (int i = 0; i < 1000; ++i) round(i);
  EXPECT_EQ(library().bytes(), before);
}

TEST_P(DtlsBackend, lack_of_memory_loses_datagrams_and_no_more) {
  for (std::size_t k = 0; k < 12; ++k) {
    DtlsPair p(library(), k + 1);
    p.client.world.memory.fail_from = k;
    p.server.world.memory.fail_from = k;
    p.start();
    p.run_for(seconds(1));
    p.client.world.memory.fail_from = p.server.world.memory.fail_from =
        static_cast<std::size_t>(-1);
    p.run_for(seconds(10));
    EXPECT_TRUE(p.connected()) << k;
  }
}

// covers: bug 21
TEST_P(DtlsBackend, associations_of_one_identity_live_in_several_threads) {
  DtlsPair shared(library());
  std::atomic<int> connected{0};
  const auto live = [&] {
    for (int i = 0; i < 20; ++i) {
      DtlsPair p(library(), static_cast<std::uint64_t>(i));
      dtls::Identity* own = std::exchange(p.server.identity, shared.server.identity);
      p.server.backend.release(*own);
      p.server.backend.retain(*shared.server.identity);
      p.server.backend.destroy(p.server.endpoint);
      p.server.endpoint =
          p.server.backend.create_endpoint({}, *p.server.identity, p.server.world.env);
      p.connect();
      p.server.deliver(p.now, p.client.seal(p.now, "hello"));
      connected += p.server.received.size() == 1 ? 1 : 0;
    }
  };
  std::thread threads[] = {std::thread(live), std::thread(live), std::thread(live)};
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(connected, 60);
}

}  // namespace esp_peer::test
