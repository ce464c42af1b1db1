// Video between the C API and ours.
#pragma once
#include "capi/api.hpp"
#include "peer/session_types.hpp"

namespace esp_peer::capi {

// What a program wants of video. invalid_argument for a codec or direction that is none.
Status read_video(const esp_peer_cfg_t& cfg, const esp_peer_default_rtp_cfg_t& rtp,
                  peer::SessionOptions& out);
esp_peer_video_stream_info_t to_c_video(const peer::VideoOptions& video);

}  // namespace esp_peer::capi
