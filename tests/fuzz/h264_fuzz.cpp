// Any bytes as an access unit: cut into packets and joined again it is the same. Any bytes as the
// payloads of a frame: nothing, or whole NAL units; of two of them the second lacks no set that the
// first one had.
#include <vector>

#include "codec/h264_depacketizer.hpp"
#include "codec/h264_packetizer.hpp"
#include "codec/h264_parameter_sets.hpp"
#include "tests/fuzz/fuzz_parts.hpp"

namespace {

using namespace esp_peer;
using namespace esp_peer::codec;
using fuzz::require;

// As a joiner writes it: codes of four bytes, units of H.264 alone.
std::vector<std::byte> normal(Bytes stream) {
  std::vector<std::byte> out;
  NalReader units(stream);
  while (const auto unit = units.next()) {
    require(!unit->empty() && unit->back() != std::byte{0});
    if (!is_nal_type(NalHeader(*unit).type())) continue;
    out.insert(out.end(), {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}});
    out.insert(out.end(), unit->begin(), unit->end());
  }
  return out;
}

void cut_and_join(Bytes frame, H264Mode mode, std::size_t max_payload) {
  fuzz::Memory memory(16 * frame.size() + 100'000);
  std::vector<Buffer> payloads;
  H264Packetizer packetizer(frame, mode, max_payload);
  while (const auto fragment = packetizer.next()) {
    require(std::size_t{fragment->offset} + fragment->size <= frame.size());
    std::vector<std::byte> payload(max_payload);
    const std::size_t size = H264Packetizer::write(frame, *fragment, payload);
    require(size > 0);
    payloads.push_back(Buffer::copy_of(memory, Bytes(payload).first(size)));
  }
  const auto joined = join_h264(payloads, memory);
  if (packetizer.too_large()) return;
  const auto expected = normal(frame);
  require(joined.has_value() == !expected.empty());
  if (joined) require(equal(joined->bytes(), expected));
}

void complete(const std::vector<Buffer>& payloads, Memory& memory) {
  const std::span<const Buffer> all(payloads);
  const auto first = join_h264(all.first(all.size() / 2), memory);
  const auto second = join_h264(all.subspan(all.size() / 2), memory);
  if (!first || !second) return;
  H264ParameterSets sets(memory);
  sets.learn(first->bytes());
  const auto gap = sets.gap(second->bytes());
  const Buffer whole = sets.complete(second->bytes(), gap);
  require(whole.size() == second->size() + gap.size);
  require(sets.gap(whole.bytes()).size == 0);
  require(is_h264_keyframe(whole.bytes()) == is_h264_keyframe(second->bytes()));
}

void join(Reader in) {
  fuzz::Memory memory(1'000'000);
  std::vector<Buffer> payloads;
  while (in.remaining() > 0 && payloads.size() < 1000) {
    const std::size_t size = std::min<std::size_t>(in.u8(), in.remaining());
    payloads.push_back(Buffer::copy_of(memory, in.bytes(size)));
  }
  complete(payloads, memory);
  const auto joined = join_h264(payloads, memory);
  if (!joined) return;
  NalReader units(joined->bytes());
  is_h264_keyframe(joined->bytes());
  begins_h264_stream(joined->bytes());
  while (units.next()) continue;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Reader in(std::as_bytes(std::span(data, size)));
  const std::uint8_t choice = in.u8();
  const std::size_t max_payload = 3 + in.u8() * 5u;
  if (choice & 1) {
    join(in);
  } else {
    cut_and_join(in.rest(), choice & 2 ? H264Mode::single_nal_unit : H264Mode::non_interleaved,
                 max_payload);
  }
  return 0;
}
