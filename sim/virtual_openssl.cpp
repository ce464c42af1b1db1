#include "sim/virtual_openssl.hpp"

#include "tests/support/virtual_openssl.hpp"

namespace esp_peer::sim {

void follow_time(World& world) {
  test::seed_openssl(world.peers.next());
  world.time.on_time([](Instant now) { test::set_virtual_time(now); });
}

}  // namespace esp_peer::sim
