#include "capi/rtp_transformer.hpp"

#include <utility>

namespace esp_peer::capi {

Status RtpTransformer::set(rtp::Way way, const esp_peer_rtp_transform_cb_t* callbacks, void* ctx) {
  if (callbacks && (!callbacks->get_encoded_size || !callbacks->transform)) {
    return Error{Errc::invalid_argument, "a transformer without its functions"};
  }
  of(way) = callbacks ? Callbacks{*callbacks, ctx} : Callbacks{};
  return {};
}

std::size_t RtpTransformer::transform(rtp::Way way, MutableBytes room, std::size_t size) {
  const bool outer = std::exchange(working_here_, true);
  const std::size_t after = run(of(way), room, size);
  working_here_ = outer;
  return after;
}

std::size_t RtpTransformer::run(const Callbacks& application, MutableBytes room, std::size_t size) {
  esp_peer_rtp_frame_t frame{};
  frame.orig_data = reinterpret_cast<std::uint8_t*>(room.data());
  frame.orig_size = frame.encoded_size = static_cast<std::uint32_t>(size);
  frame.payload_type = frame.orig_data[1] & 0x7F;
  bool in_place = false;
  const int taken = application.callbacks.get_encoded_size(&frame, &in_place, application.ctx);
  if (taken == ESP_PEER_ERR_NOT_SUPPORT) return size;
  if (taken != ESP_PEER_ERR_NONE || frame.encoded_size > room.size()) return 0;
  // In place the whole room may be used.
  const MutableBytes out = in_place ? room : scratch(frame.encoded_size);
  if (out.empty()) return 0;
  frame.encoded_data = reinterpret_cast<std::uint8_t*>(out.data());
  if (application.callbacks.transform(&frame, application.ctx) != ESP_PEER_ERR_NONE) return 0;
  if (frame.encoded_size > out.size()) return 0;
  if (!in_place) copy_bytes(Bytes(out).first(frame.encoded_size), room);
  return frame.encoded_size;
}

// Empty when there is no memory.
MutableBytes RtpTransformer::scratch(std::size_t size) {
  if (scratch_.size() < size) scratch_ = Buffer::with_size(memory_, size);
  return scratch_ ? scratch_.bytes().first(size) : MutableBytes{};
}

}  // namespace esp_peer::capi
