// Offers and answers of one connection: what an incoming description means, and the text of ours
// [rfc3264, rfc8829]. Which side offers first is the application's choice; ICE roles do not touch
// it.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "base/containers.hpp"
#include "base/env.hpp"
#include "base/result.hpp"
#include "crypto/provider.hpp"
#include "dtls/endpoint.hpp"
#include "ice/agent.hpp"
#include "peer/negotiated_audio.hpp"
#include "peer/negotiated_video.hpp"
#include "sdp/description.hpp"

namespace esp_peer::peer {

class Negotiation {
 public:
  enum class Incoming : std::uint8_t {
    offer,
    answer,
    // A duplicate, an older one that comes late, an offer that lost against ours, or our own words.
    ignored,
  };
  // What we have to offer.
  struct Ours {
    std::uint32_t max_message_size = 65536;
    bool data = true;
    AudioOptions audio;
    VideoOptions video;
  };
  // What a description says of our side.
  struct LocalPath {
    const ice::Credentials& credentials;
    const dtls::Fingerprint& fingerprint;
    std::span<const ice::Candidate> candidates;
    bool end_of_candidates;
  };
  static constexpr std::size_t max_description = 64 * 1024;
  static constexpr std::uint8_t max_candidates = 16;  // of ours; further ones would not be told

  Negotiation(std::uint64_t session_id, const Ours& ours, crypto::Provider& crypto, Env env);

  // Takes the peer's description. `remote` points into a copy that stays until the next one is
  // taken or settle() is called. Errors: bad_data, unsupported, over_limit, no_memory.
  Result<Incoming> on_description(std::string_view text, sdp::Remote& remote);
  // The next description is a further offer of ours.
  void offer_again() { taken_.offering = true; }
  // What was taken last cannot be used after all: as if it had not come, so that it may come again,
  // and what came before it is still answered.
  void reject();
  // There are no keys for media, and there will be none: from now on it is refused.
  void refuse_media() {
    ours_.audio = {};
    ours_.video = {};
    taken_.audio.reset();
    taken_.video.reset();
  }
  // Writes our description anew: the answer to the offer taken last, else an offer.
  Status describe(const LocalPath& local);
  // The handshake has begun: its roles are for good [rfc8842#5.3].
  void settle_roles() { roles_are_settled_ = true; }
  // The connection stands: the peer's text is not needed any more, but for an answer that is still
  // owed.
  void settle() {
    if (!taken_.answer_owed) taken_.text = Buffer();
    before_.text = Buffer();
  }

  std::string_view text() const { return as_text(text_.bytes()).substr(0, text_size_); }
  bool described() const { return text_size_ != 0; }
  bool answer_owed() const { return taken_.answer_owed; }
  bool answering() const { return taken_.kind == Incoming::offer && !taken_.offering; }
  // The description taken last came from another session than the one before. So it is where a
  // description has changed without saying so: there are peers whose session id is always the same.
  bool from_another_session() const {
    return before_.session_id != 0 && (taken_.session_id != before_.session_id ||
                                       taken_.session_version == before_.session_version);
  }
  // Settled by the description that was taken last.
  dtls::Role dtls_role() const { return taken_.dtls_role; }
  // Nothing while there is none, or none yet.
  const std::optional<NegotiatedAudio>& audio() const { return taken_.audio; }
  const std::optional<NegotiatedVideo>& video() const { return taken_.video; }

 private:
  bool is_duplicate(std::string_view text);
  bool is_ours(const sdp::Description& description, const sdp::Remote& remote) const;
  bool is_older(const sdp::Description& description) const;
  bool is_answer(const sdp::Description& description, const sdp::Remote& remote) const;
  std::optional<NegotiatedAudio> agree_on_audio(const sdp::Remote& remote, bool answer) const;
  std::optional<NegotiatedVideo> agree_on_video(const sdp::Remote& remote, bool answer) const;
  void agree(const sdp::Remote& remote, const sdp::RemoteStream& stream, sdp::Direction ours,
             NegotiatedStream& out) const;
  void note_formats();
  std::uint8_t level() const;  // of our video
  Result<std::size_t> write(const sdp::Local& local);

  std::uint64_t session_id_, session_version_ = 0;
  Ours ours_;
  dtls::Fingerprint our_fingerprint_;  // as described last
  crypto::Provider& crypto_;
  Env env_;
  std::uint32_t audio_ssrc_ = 0, video_ssrc_ = 0, rtx_ssrc_ = 0;  // all different
  FixedString<16> cname_;
  Buffer text_;  // grown up to max_description
  std::size_t text_size_ = 0;
  sdp::AudioFormat described_audio_;  // as the sections of it call them
  sdp::VideoFormat described_video_;
  bool roles_are_settled_ = false;
  // A description of the peer, and where it left us.
  struct Taken {
    Incoming kind = Incoming::ignored;
    Buffer text;  // at most max_description
    crypto::Sha256Digest digest{};
    std::uint64_t session_id = 0, session_version = 0;
    std::uint64_t credentials = 0;  // a hash
    sdp::Setup our_setup = sdp::Setup::actpass;
    dtls::Role dtls_role = dtls::Role::client;
    bool answer_owed = false, offer_outstanding = false;
    bool offering = false;  // and not for the first time
    std::optional<NegotiatedAudio> audio;
    std::optional<NegotiatedVideo> video;
  } taken_, before_;  // the last one, and the last but one
};

}  // namespace esp_peer::peer
