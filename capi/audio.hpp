// Audio between the C API and ours.
#pragma once
#include "capi/api.hpp"
#include "peer/session_types.hpp"

namespace esp_peer::capi {

// What a program wants of audio. invalid_argument for a codec or direction that is none.
Status read_audio(const esp_peer_cfg_t& cfg, const esp_peer_default_jitter_cfg_t& jitter,
                  peer::SessionOptions& out);
esp_peer_audio_stream_info_t to_c_audio(const peer::AudioOptions& audio);

// What seals media in this build; nullptr where it carries none. CMake chooses the file.
srtp::Backend* media_backend();

}  // namespace esp_peer::capi
