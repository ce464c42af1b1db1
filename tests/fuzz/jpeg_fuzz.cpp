// Any bytes as a JPEG file: refused, or cut into packets and joined again the same picture. Any
// bytes as the payloads of a frame: nothing, or a file that RTP could carry.
#include <vector>

#include "codec/jpeg_depacketizer.hpp"
#include "codec/jpeg_packetizer.hpp"
#include "tests/fuzz/fuzz_parts.hpp"

namespace {

using namespace esp_peer;
using namespace esp_peer::codec;
using fuzz::require;

void cut_and_join(Bytes file, std::size_t max_payload) {
  fuzz::Memory memory(16 * file.size() + 100'000);
  std::vector<Buffer> payloads;
  JpegPacketizer packetizer(file, max_payload);
  if (!packetizer.ok()) return;
  while (const auto fragment = packetizer.next()) {
    require(std::size_t{fragment->offset} + fragment->size <= file.size());
    std::vector<std::byte> payload(max_payload);
    const std::size_t size = JpegPacketizer::write(file, *fragment, payload);
    require(size > 0);
    payloads.push_back(Buffer::copy_of(memory, Bytes(payload).first(size)));
  }
  JpegJoiner joiner;
  const auto joined = joiner.join(payloads, memory);
  require(joined.has_value());
  const auto before = parse_jpeg(file), after = parse_jpeg(joined->bytes());
  require(before && after);
  const Bytes scan = before->scan.first(*jpeg_scan_size(before->scan));
  require(equal(scan, after->scan.first(scan.size())));
  require(equal(before->luminance, after->luminance));
  require(before->restart_interval == after->restart_interval);
}

// Two frames, for the tables of the first may serve the second.
void join(Reader in) {
  fuzz::Memory memory(1'000'000);
  JpegJoiner joiner;
  for (int frame = 0; frame < 2; ++frame) {
    std::vector<Buffer> payloads;
    const std::size_t count = in.u8() % 8u;
    while (payloads.size() < count) {
      const std::size_t size = std::min<std::size_t>(in.u8(), in.remaining());
      payloads.push_back(Buffer::copy_of(memory, in.bytes(size)));
    }
    const auto joined = joiner.join(payloads, memory);
    if (joined) require(parse_jpeg(joined->bytes()).has_value());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Reader in(std::as_bytes(std::span(data, size)));
  const std::size_t max_payload = 3 + in.u8() * 5u;
  if (max_payload % 2) {
    join(in);
  } else {
    cut_and_join(in.rest(), max_payload);
  }
  return 0;
}
