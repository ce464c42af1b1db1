// Stories that are told once over every cipher: their names.
#pragma once
#include <gtest/gtest.h>

#include "sim/pair.hpp"

namespace esp_peer::sim {

inline constexpr auto name_of_ciphers = [](const auto& tested) { return name_of(tested.param); };

}  // namespace esp_peer::sim
