// OpenSSL and Mbed TLS live in the time and the chance of a world.
#pragma once
#include "sim/world.hpp"

namespace esp_peer::sim {

// From now on, until another world asks for it.
void follow_time(World& world);

}  // namespace esp_peer::sim
