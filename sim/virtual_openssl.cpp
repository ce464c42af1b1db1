#include "sim/virtual_openssl.hpp"

#include "tests/support/mbedtls/virtual_mbedtls.hpp"
#include "tests/support/virtual_openssl.hpp"

namespace esp_peer::sim {

void follow_time(World& world) {
  const std::uint64_t seed = world.peers.next();
  test::seed_openssl(seed);
  test::seed_mbedtls(~seed);  // or the ends of a mixed pair would draw the same numbers
  world.time.on_time([](Instant now) {
    test::set_virtual_time(now);
    test::set_mbedtls_time(now);
  });
}

}  // namespace esp_peer::sim
