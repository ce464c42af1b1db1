// Mbed TLS hashes and draws as every provider does.
#include "backends/mbedtls/provider.hpp"

#include <mbedtls/ctr_drbg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/conformance/crypto_provider_suite.hpp"

namespace {

std::atomic<int> reseeds{0};

}  // namespace

// The linker leads our calls here: one that takes its time.
extern "C" int __real_mbedtls_ctr_drbg_reseed(mbedtls_ctr_drbg_context* generator,
                                              const unsigned char* text, std::size_t size);
extern "C" int __wrap_mbedtls_ctr_drbg_reseed(mbedtls_ctr_drbg_context* generator,
                                              const unsigned char* text, std::size_t size) {
  ++reseeds;
  for (int i = 0; i < 1000; ++i) std::this_thread::yield();
  return __real_mbedtls_ctr_drbg_reseed(generator, text, size);
}

namespace esp_peer::test {
namespace {

Random* generator() {
  static mbedtls::SystemRandom instance;
  return &instance;
}

// A server that forks and then begins its threads. The library locks its numbers, not their seed.
TEST(MbedtlsRandom,
     a_child_process_draws_other_numbers_and_is_seeded_once_whatever_its_threads_do) {
  using Drawn = std::array<std::byte, 32>;
  Drawn before{}, ours{}, childs{};
  generator()->fill_public(before);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    reseeds = 0;
    std::atomic<int> waiting{4};
    Drawn drawn[4] = {};
    std::vector<std::thread> threads;
    for (Drawn& mine : drawn) {
      threads.emplace_back([&] {
        --waiting;
        while (waiting > 0) std::this_thread::yield();
        generator()->fill_public(mine);
      });
    }
    for (std::thread& thread : threads) thread.join();
    const bool told = write(ends[1], drawn[0].data(), drawn[0].size()) == ssize_t(sizeof(Drawn));
    _exit(told ? reseeds.load() : 99);
  }
  generator()->fill_public(ours);
  EXPECT_EQ(read(ends[0], childs.data(), childs.size()), ssize_t(sizeof(Drawn)));
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  close(ends[0]);
  close(ends[1]);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1) << "times it was seeded";
  EXPECT_NE(childs, ours);
  EXPECT_NE(childs, before);
}

INSTANTIATE_TEST_SUITE_P(Mbedtls, CryptoProvider, ::testing::Values(mbedtls::provider));
INSTANTIATE_TEST_SUITE_P(Mbedtls, CryptoRandom, ::testing::Values(generator));

}  // namespace
}  // namespace esp_peer::test
