// H.264 as encoders give it: NAL units with start codes between them [H.264 annex B].
#pragma once
#include <optional>

#include "base/bytes.hpp"

namespace esp_peer::codec {

// Begins with a start code. What does not may have lengths in their place, as in files of MP4.
bool is_byte_stream(Bytes stream);

// The NAL units of a byte stream, one after the other. A stream without a start code is one unit.
class NalReader {
 public:
  explicit NalReader(Bytes stream);
  // Never empty; without start code and without the zeros behind it.
  std::optional<Bytes> next();

 private:
  Bytes rest_;  // begins with a unit
};

// The first byte of a NAL unit [rfc6184#1.3].
struct NalHeader {
  std::uint8_t octet = 0;
  explicit NalHeader(Bytes unit) : octet(std::to_integer<std::uint8_t>(unit.front())) {}
  explicit NalHeader(std::uint8_t value) : octet(value) {}

  std::uint8_t type() const { return octet & 0x1F; }
  std::uint8_t without_type() const { return octet & 0xE0; }  // F and NRI
};

// [rfc6184#5.2] The types of H.264 itself; those above are RTP's ways to carry them.
enum NalType : std::uint8_t {
  nal_idr = 5,
  nal_sei = 6,
  nal_sps = 7,
  nal_pps = 8,
  nal_delimiter = 9,
  nal_last = 23,
  nal_stap_a = 24,
  nal_fu_a = 28,
};
constexpr bool is_nal_type(std::uint8_t type) { return type >= 1 && type <= nal_last; }
constexpr bool is_picture(std::uint8_t type) { return type >= 1 && type <= nal_idr; }

// [H.264 D.1.7] An SEI unit which says, among other things, that a stream may begin at its picture.
bool is_recovery_point(Bytes unit);

}  // namespace esp_peer::codec
