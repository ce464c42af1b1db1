// The tables that RTP does not carry, because both ends know them [rfc2435#4.1, 4.2].
#pragma once
#include <array>

#include "base/bytes.hpp"

namespace esp_peer::codec {

// As they stand in a DHT segment: class and number, how many codes of each length, the symbols.
std::array<Bytes, 4> standard_huffman_tables();

// Luminance and chrominance, 64 bytes each in zig-zag order, for a quality of 1…99.
void write_quantization_tables(std::uint8_t q, MutableBytes out);

}  // namespace esp_peer::codec
