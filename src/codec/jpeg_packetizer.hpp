// Cuts a baseline JPEG file into the payloads of its packets [rfc2435].
#pragma once
#include <optional>

#include "codec/fragment.hpp"
#include "codec/jpeg_image.hpp"

namespace esp_peer::codec {

class JpegPacketizer {
 public:
  // The file stays where it is for as long as fragments are written.
  JpegPacketizer(Bytes file, std::size_t max_payload);

  // False for a picture that RTP cannot carry [parse_jpeg].
  bool ok() const { return image_.has_value(); }
  std::optional<Fragment> next();

  // The payload, at most `max_payload` bytes; 0 when `out` is too small.
  static std::size_t write(Bytes file, const Fragment& fragment, MutableBytes out);

 private:
  Bytes file_;
  std::size_t max_payload_;
  std::optional<JpegImage> image_;
  std::size_t done_ = 0;  // of the scan
};

}  // namespace esp_peer::codec
