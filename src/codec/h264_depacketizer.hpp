// Joins the payloads of one frame into an access unit of H.264, with start codes [rfc6184#7].
#pragma once
#include <optional>
#include <span>

#include "base/containers.hpp"
#include "codec/annex_b.hpp"

namespace esp_peer::codec {

// All payloads of a frame in their order. Nothing when they do not make whole NAL units, or there
// is no memory: a decoder is never given half of one. Packets of modes that we never negotiate
// (STAP-B, MTAP, FU-B) spoil a frame too.
std::optional<Buffer> join_h264(std::span<const Buffer> payloads, Memory& memory);

// Has a picture that needs no other one. Of an access unit with start codes.
bool is_h264_keyframe(Bytes access_unit);

// Begins as streams do: a set or a delimiter stands before its first picture, and what stands in
// front of those is nothing that a decoder needs.
bool begins_h264_stream(Bytes access_unit);

// Has the upper edge of its picture, in front of which stands nothing but sets and messages.
bool has_upper_edge(Bytes access_unit);

}  // namespace esp_peer::codec
