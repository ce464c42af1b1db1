// What a session is made of and what it says: options, events, requests.
#pragma once
#include <cstdint>
#include <optional>
#include <variant>

#include "base/containers.hpp"
#include "base/env.hpp"
#include "crypto/provider.hpp"
#include "dtls/endpoint.hpp"
#include "ice/agent.hpp"
#include "peer/negotiated_audio.hpp"
#include "peer/video_session.hpp"
#include "rtp/jitter_buffer.hpp"
#include "rtp/transformer.hpp"
#include "sctp/association.hpp"
#include "srtp/transform.hpp"

namespace esp_peer::peer {

// In the order of esp_peer_state_t, so that the C facade casts.
enum class State : std::uint8_t {
  closed,
  disconnected,
  new_connection,
  gathering,
  pairing,
  paired,
  connecting,
  connected,
  connect_failed,
  data_connected,
  data_opened,
  data_closed,
  data_disconnected,
  audio_added,  // by a renegotiation: the peer sends audio from now on
  audio_removed,
  video_added,
  video_removed,
  keyframe_wanted,  // by the peer, of the video that we send
};
constexpr bool is_about_connection(State state) { return state < State::data_connected; }

// Why a connection could not be made, or ended. In the order of esp_peer_ext_failure_t.
enum class Failure : std::uint8_t {
  none,  // the application ended it
  no_address,
  no_pair,
  handshake_timeout,
  handshake_refused,
  wrong_fingerprint,
  consent_lost,
  closed_by_peer,
  association_lost,
  replaced,
  no_memory,
  relay_refused,
};

// Where identities come from: a cache, or a new one each time.
class IdentitySource {
 public:
  // One reference held for the caller; nullptr when the library fails.
  virtual dtls::Identity* identity() = 0;

 protected:
  ~IdentitySource() = default;
};

struct SessionOptions {
  ice::Role role = ice::Role::controlling;
  bool keep_role = false;  // else controlling again after a disconnect
  bool auto_reconnect = true;
  bool data = true;  // m=application
  AudioOptions audio;
  rtp::JitterOptions audio_jitter;  // of each source that is heard
  VideoOptions video;
  VideoLimits video_limits;
  bool sync_pts = false;  // the peer's video is put onto the timeline of its audio
  Duration wall_clock{};  // from 1900 to Instant zero, for reports; 0 = not known
  bool automatic_channel = true;
  bool trickle_out = false;  // else our description waits until all candidates are in it [rfc8838]
  bool relay_only = false;
  bool remote_lite = false;
  std::uint8_t max_candidates = 16;
  std::uint8_t consent_misses = 5;                  // 0xFF = never report
  Duration gathering_timeout = milliseconds(500);   // 5 × agent_recv_timeout
  Duration connect_timeout = milliseconds(39'500);  // [rfc8863#4]
  std::uint32_t send_buffer = 100'000, receive_buffer = 100'000;
  Duration incomplete_lifetime = seconds(5);  // of what came of messages that the peer may give up
  dtls::CipherPreference ciphers = dtls::CipherPreference::automatic;
};

struct Dependencies {
  crypto::Provider& crypto;
  dtls::Backend& dtls;
  IdentitySource& identities;
  srtp::Backend* srtp = nullptr;            // none: no media
  rtp::Transformer* transformer = nullptr;  // none: RTP packets stay as they are
};

// Of the association that is there now; zeros without one.
struct DataStats {
  std::size_t buffered = 0;  // bytes of the send buffer in use
  std::size_t channels = 0;
  Duration round_trip{};  // 0 = none measured
};

// What the application hears, in this order.
struct StateChanged {
  State state;
  Failure why = Failure::none;  // of disconnected and connect_failed
};
struct LocalDescription {};   // read it with local_description()
struct LocalCandidateFound {  // with trickle_out, behind the description; read local_candidate()
  std::uint8_t index;
};
struct LocalCandidatesDone {};  // with trickle_out: no more of them [rfc8838#13]
struct ChannelOpened {          // always followed by StateChanged{data_opened}
  sctp::StreamId stream;
};
struct ChannelClosed {  // always followed by StateChanged{data_closed}
  sctp::StreamId stream;
};

// What audio is: first as configured, to whoever offers, and again if something else was agreed on;
// as agreed on, to whoever answers. Both before the description that says so.
struct AudioDescribed {
  AudioOptions audio;  // channels: that we get; where we only send, that we may give [rfc7587#6.1]
};

// The same of video.
struct VideoDescribed {
  VideoOptions video;
};

// What the session asks of its runner.
struct OpenSockets {   // one on each usable address, then on_sockets()
  bool again = false;  // those that are there already stay, and are told with the others
};
struct CloseSockets {};
struct Resolve {  // then on_resolved() with the same id; the name is server_name(id)
  std::uint32_t id;
};

using Event = std::variant<StateChanged, LocalDescription, LocalCandidateFound, LocalCandidatesDone,
                           ChannelOpened, ChannelClosed, AudioDescribed, VideoDescribed>;
using Request = std::variant<OpenSockets, CloseSockets, Resolve>;

// One frame of the peer's codec, with the time that its sender gave it.
struct AudioFrame {
  std::uint32_t pts = 0;  // milliseconds
  Buffer payload;
  std::uint64_t ntp = 0;  // the same moment in wall time of the sender; 0 = not known
};

}  // namespace esp_peer::peer
