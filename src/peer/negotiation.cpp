#include "peer/negotiation.hpp"

#include <array>
#include <utility>

#include "base/state_hash.hpp"
#include "sdp/setup.hpp"

namespace esp_peer::peer {
namespace {

// [rfc7022#4.2] 96 bits that say nothing of us, in base64.
FixedString<16> random_name(Random& random) {
  std::array<std::byte, 16> bits{};
  random.fill_public(bits);
  char text[bits.size()];
  for (std::size_t i = 0; i < bits.size(); ++i) {
    text[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        [std::to_integer<std::size_t>(bits[i] & std::byte{63})];
  }
  FixedString<16> name;
  name.assign({text, sizeof(text)});
  return name;
}

std::uint64_t hash_of_credentials(const sdp::Remote& remote) {
  StateHash hash;
  hash.add(remote.ufrag);
  hash.add(remote.password);
  return hash.value();
}

}  // namespace

Negotiation::Negotiation(std::uint64_t session_id, const Ours& ours, crypto::Provider& crypto,
                         Env env)
    : session_id_(session_id), ours_(ours), crypto_(crypto), env_(env) {
  const bool has_audio = ours.audio.codec != sdp::AudioCodec::none;
  const bool has_video = ours.video.codec != sdp::VideoCodec::none;
  if (!has_audio && !has_video) return;
  cname_ = random_name(env.random);
  const auto new_ssrc = [&] {
    std::uint32_t ssrc = 0;
    while (ssrc == 0 || ssrc == audio_ssrc_ || ssrc == video_ssrc_) {
      ssrc = env.random.number<std::uint32_t>();
    }
    return ssrc;
  };
  if (has_audio) audio_ssrc_ = new_ssrc();
  if (!has_video) return;
  video_ssrc_ = new_ssrc();
  rtx_ssrc_ = new_ssrc();
}

Result<Negotiation::Incoming> Negotiation::on_description(std::string_view text,
                                                          sdp::Remote& remote) {
  if (text.size() > max_description) return Error{Errc::over_limit, "description above 64 KiB"};
  if (is_duplicate(text)) return Incoming::ignored;

  Buffer copy = Buffer::copy_of(env_.memory, as_bytes(text));
  auto description = Owned<sdp::Description>::make(env_.memory);
  if (!copy || !description) return Error{Errc::no_memory, "no room for the description"};
  if (const Status parsed = sdp::parse(as_text(copy.bytes()), *description); !parsed) {
    return parsed.error();
  }
  if (is_older(*description)) return Incoming::ignored;
  const Status usable = sdp::read_remote(*description,
                                         {ours_.data, ours_.audio.codec, ours_.video.codec,
                                          ours_.audio.direction, ours_.video.direction},
                                         remote);
  if (!usable) return usable.error();
  if (is_ours(*description, remote)) return Incoming::ignored;

  const bool answer = is_answer(*description, remote);
  // Both sides rebuilt and offered: the larger session id stands.
  if (!answer && taken_.offer_outstanding && session_id_ > description->session_id_number) {
    return Incoming::ignored;
  }
  const auto setup =
      answer ? sdp::setup_from_answer(remote.setup) : sdp::setup_for_offer(remote.setup);
  if (!setup) return Error{Errc::bad_data, "a=setup that is no role"};

  Taken taken;
  taken.kind = answer ? Incoming::answer : Incoming::offer;
  taken.text = std::move(copy);
  taken.digest = crypto_.sha256(as_bytes(text));
  taken.session_id = description->session_id_number;
  taken.session_version = description->session_version;
  taken.credentials = hash_of_credentials(remote);
  taken.our_setup = setup->ours;
  taken.dtls_role = setup->dtls_client ? dtls::Role::client : dtls::Role::server;
  taken.answer_owed = !answer;
  taken.audio = agree_on_audio(remote, answer);
  taken.video = agree_on_video(remote, answer);
  // [rfc8842#5.3] Roles that are settled stay: an offer that leaves the choice is no new handshake.
  const bool choice = remote.setup == sdp::Setup::actpass && !answer;
  if (roles_are_settled_ || (taken_.kind != Incoming::ignored && choice)) {
    taken.dtls_role = taken_.dtls_role;
    const bool client = taken.dtls_role == dtls::Role::client;
    taken.our_setup = client ? sdp::Setup::active : sdp::Setup::passive;
  }
  before_ = std::exchange(taken_, std::move(taken));
  return taken_.kind;
}

void Negotiation::reject() { taken_ = std::exchange(before_, Taken{}); }

Status Negotiation::describe(const LocalPath& local) {
  FixedVector<ice::CandidateText, max_candidates> lines;
  FixedVector<std::string_view, max_candidates> views;
  for (const auto& candidate : local.candidates) lines.push_back(ice::candidate_text(candidate));
  for (const auto& line : lines) views.push_back(line.view());
  const auto fingerprint = dtls::fingerprint_text(local.fingerprint);

  const auto size = write({
      .session_id = session_id_,
      .session_version = session_version_ + 1,
      .ufrag = local.credentials.ufrag.view(),
      .password = local.credentials.password.view(),
      .fingerprint = fingerprint.view(),
      .setup = answering() ? taken_.our_setup : sdp::Setup::actpass,
      .candidates = {views.begin(), views.size()},
      .end_of_candidates = local.end_of_candidates,
      .data = ours_.data,
      .max_message_size = ours_.max_message_size,
      .audio = {ours_.audio.codec, ours_.audio.direction, audio_ssrc_, cname_.view(),
                ours_.audio.channels > 1},
      .video = {ours_.video.codec, ours_.video.direction, video_ssrc_, rtx_ssrc_, cname_.view(),
                level()},
  });
  if (!size) return size.error();
  ++session_version_;
  note_formats();
  our_fingerprint_ = local.fingerprint;
  if (!answering()) taken_.offer_outstanding = true;
  taken_.answer_owed = false;
  return {};
}

bool Negotiation::is_duplicate(std::string_view text) {
  return equal(crypto_.sha256(as_bytes(text)), taken_.digest);
}

// Signalling that tells everybody tells us, too. The number of the session does not suffice:
// webrtcbin's answer has that of the offer.
bool Negotiation::is_ours(const sdp::Description& d, const sdp::Remote& remote) const {
  return d.session_id_number == session_id_ && !remote.fingerprints.empty() &&
         dtls::parse_fingerprint(remote.fingerprints[0]) == our_fingerprint_;
}

// Signalling may bring things late: an offer of before an answer must not be answered.
bool Negotiation::is_older(const sdp::Description& d) const {
  return d.session_id_number != 0 && d.session_id_number == taken_.session_id &&
         d.session_version < taken_.session_version;
}

// After an answer, what leaves no choice is that answer again, with news. Two ends that took each
// other's answers for offers would answer for ever. With other credentials, though, it wants an ICE
// restart of us, and an answer.
bool Negotiation::is_answer(const sdp::Description& d, const sdp::Remote& remote) const {
  const bool again = taken_.kind == Incoming::answer && d.session_id_number != 0 &&
                     d.session_id_number == taken_.session_id &&
                     taken_.credentials == hash_of_credentials(remote);
  return sdp::is_answer(remote.setup, taken_.offer_outstanding || again);
}

// A further offer of ours has the numbers of the description before it.
void Negotiation::note_formats() {
  if (answering()) {
    if (taken_.audio) described_audio_ = taken_.audio->format;
    if (taken_.video) described_video_ = taken_.video->format;
  } else if (!taken_.offering) {
    described_audio_ = sdp::offered_format(ours_.audio.codec);
    described_video_ = sdp::offered_format(ours_.video.codec, level());
  }
}

std::uint8_t Negotiation::level() const {
  return sdp::h264_level(ours_.video.width, ours_.video.height, ours_.video.frames_per_second);
}

void Negotiation::agree(const sdp::Remote& remote, const sdp::RemoteStream& stream,
                        sdp::Direction ours, NegotiatedStream& out) const {
  out.direction = sdp::agreed(ours, stream.direction);
  out.bandwidth = sdp::lower_of(remote.bandwidth, stream.bandwidth);
  out.shares_bandwidth = out.bandwidth != stream.bandwidth;  // the session's is what binds
  // [rfc3264#5.1] "No media should be sent."
  if (out.bandwidth.is_zero()) out.direction = sdp::agreed(out.direction, sdp::Direction::sendonly);
  out.cname = cname_;
  out.reduced_rtcp = stream.reduced_rtcp;
  out.remote_ssrcs = stream.ssrcs;
  // A longer one fits no element of the short form; then payload types have to tell.
  if (out.mid.assign(stream.mid)) out.extensions = stream.extensions;
}

std::optional<NegotiatedAudio> Negotiation::agree_on_audio(const sdp::Remote& remote,
                                                           bool answer) const {
  if (!remote.audio) return std::nullopt;
  NegotiatedAudio audio;
  agree(remote, *remote.audio, ours_.audio.direction, audio);
  audio.local_ssrc = audio_ssrc_;
  audio.format = remote.audio->format;
  audio.opus = remote.audio->opus;
  audio.accepted_payload_types.push_back(audio.format.payload_type);
  if (answer && described_audio_.payload_type != audio.format.payload_type) {
    audio.accepted_payload_types.push_back(described_audio_.payload_type);
  }
  return audio;
}

std::optional<NegotiatedVideo> Negotiation::agree_on_video(const sdp::Remote& remote,
                                                           bool answer) const {
  if (!remote.video) return std::nullopt;
  NegotiatedVideo video;
  agree(remote, *remote.video, ours_.video.direction, video);
  video.local_ssrc = video_ssrc_;
  video.local_rtx_ssrc = rtx_ssrc_;
  video.rtx_pairs = remote.video->rtx_pairs;
  video.format = remote.video->format;
  sdp::VideoFormat offered = described_video_;
  const bool same_number = offered.payload_type == video.format.payload_type;
  // [rfc6184#8.2.2] An answer keeps the number for exactly the configuration that was offered.
  if (answer && same_number && !remote.video->names_mode) {
    video.format.fragments = offered.fragments;
  }
  video.accepted.push_back(video.format);
  if (answer && !same_number) {
    offered.nack = video.format.nack;
    offered.pli = video.format.pli;
    offered.fir = video.format.fir;
    video.accepted.push_back(offered);
  }
  return video;
}

Result<std::size_t> Negotiation::write(const sdp::Local& local) {
  // Whose sections: the peer's offer has them, or our last description; a first offer makes its
  // own.
  const auto model_text = answering()       ? as_text(taken_.text.bytes())
                          : taken_.offering ? text()
                                            : std::string_view();
  auto model = Owned<sdp::Description>();
  if (!model_text.empty()) {
    model = Owned<sdp::Description>::make(env_.memory);
    if (!model) return Error{Errc::no_memory, "no room for the description"};
    if (const Status s = sdp::parse(model_text, *model); !s) return s.error();
  }
  for (std::size_t room = 2048; room <= max_description; room *= 2) {
    Buffer text = Buffer::with_size(env_.memory, room);
    if (!text) break;
    const std::span<char> out(reinterpret_cast<char*>(text.bytes().data()), text.size());
    auto size = !model        ? sdp::write_offer(local, out)
                : answering() ? sdp::write_answer(local, *model, out)
                              : sdp::write_reoffer(local, *model, out);
    if (size) {
      text_ = std::move(text);
      text_size_ = *size;
      return text_size_;
    }
    if (size.error().code != Errc::no_memory) return size.error();
  }
  return Error{Errc::no_memory, "no room for the description"};
}

}  // namespace esp_peer::peer
