// What a connection hears through the signalling, and says there: descriptions of both sides, ICE
// restarts, candidates that come late.
#include <utility>

#include "peer/connection.hpp"

namespace esp_peer::peer {
Connection::Heard Connection::hears() const {
  const auto track = [](const auto& agreed) {
    return agreed ? Track{sdp::receives(agreed->direction), agreed->mid} : Track{};
  };
  return {track(negotiation_.audio()), track(negotiation_.video())};
}

Status Connection::set_remote_description(Instant now, std::string_view text) {
  // An attempt may end as it begins, and what waited for it comes then.
  if (ended_) return Error{Errc::wrong_state, "the connection has ended"};
  auto remote = Owned<sdp::Remote>::make(env_.memory);
  if (!remote) return Error{Errc::no_memory, "no room for the description"};
  const Heard before = hears();
  const bool had_data = carries_data();
  peer_has_rebuilt_ = false;
  auto incoming = negotiation_.on_description(text, *remote);
  if (!incoming) return incoming.error();
  if (*incoming == Negotiation::Incoming::ignored) return {};
  const Status applied = apply(now, *remote, *incoming);
  if (!applied) negotiation_.reject();
  if (applied && path_.secured()) follow_media(now, *remote, before, had_data);
  advance(now);
  return applied;
}

Status Connection::apply(Instant now, const sdp::Remote& remote, Negotiation::Incoming kind) {
  RemotePath path;
  for (const auto text : remote.fingerprints) {
    if (const auto fingerprint = dtls::parse_fingerprint(text)) {
      path.fingerprints.push_back(*fingerprint);
    }
  }
  if (path.fingerprints.empty()) return Error{Errc::bad_data, "no usable fingerprint"};
  if (!path.credentials.ufrag.assign(remote.ufrag) ||
      !path.credentials.password.assign(remote.password)) {
    return Error{Errc::bad_data, "ICE credentials too long"};
  }
  path.ice_lite = remote.ice_lite || options_.remote_lite;
  path.pacing = milliseconds(remote.pacing_ms);
  path.our_dtls_role = negotiation_.dtls_role();

  if (remote_known_) {
    // [rfc8842#5.5] Further offers leave the choice of roles open; what does not answers something.
    const bool offers = kind == Negotiation::Incoming::offer &&
                        (remote.setup == sdp::Setup::actpass || remote.setup == sdp::Setup::absent);
    if (const Status joined = join_restart(now, path, offers); !joined) return joined;
  } else {
    say(State::pairing);
    remote_known_ = true;
  }
  if (const Status checks = path_.set_remote(now, path); !checks) return checks;
  if (!carries_data()) {
    has_data_ = remote.data.has_value();
    const sdp::RemoteData data = remote.data.value_or(sdp::RemoteData{});
    data_options_.sctp.remote_port = data.sctp_port;
    data_options_.max_message_size = data.max_message_size;
    data_options_.esp_peer = data.esp_peer;
    data_options_.dtls_client = path.our_dtls_role == dtls::Role::client;
  }
  // A bad or superfluous candidate is the peer's affair: the others still count [rfc8829#5.8].
  for (const auto line : remote.candidates) {
    if (auto candidate = ice::parse_candidate(line)) {
      static_cast<void>(path_.ice().add_remote(now, *candidate));
    }
  }
  // Those that write no candidates are reached where they were without ICE; FreeSWITCH is.
  if (remote.default_destination) {
    if (auto candidate = ice::default_candidate(*remote.default_destination)) {
      static_cast<void>(path_.ice().add_remote(now, *candidate));
    }
  }
  if (remote.end_of_candidates) path_.ice().end_of_remote_candidates(now);
  if (media_) {
    media_->change(now, negotiation_.audio(), negotiation_.video());
  } else if (path_.secured()) {
    begin_media(now);  // it comes with a later description
  }
  if (!negotiation_.answering()) tell_agreed_media();
  return {};
}

// What a further description means for ICE [rfc8445#9, rfc8839#4.4.1, rfc8842#5.1].
Status Connection::join_restart(Instant now, const RemotePath& remote, bool offered) {
  const bool ours = !path_.ice().knows_remote();  // a restart that waits for the peer
  const bool changed = !path_.is_remote(remote.credentials);
  if (path_.is_another_peer(remote) || (changed && negotiation_.from_another_session())) {
    peer_has_rebuilt_ = true;
    return Error{Errc::unsupported, "the peer has begun anew"};
  }
  if (changed) {
    if (ours) return {};  // it joins in, or both have thought of it at once
    if (!offered) return Error{Errc::unsupported, "an ICE restart that nobody asked for"};
    return renew_agent(now);
  }
  // An earlier answer once more, or the peer cannot restart: what works goes on.
  if (ours && !offered) return Error{Errc::unsupported, "an answer of before the ICE restart"};
  // The peer's offer is of before it heard of our restart: that comes after the answer.
  if (ours && path_.take_back_restart()) {
    offer_due_ = false;
    restart_later_ = true;
  }
  return {};
}

// The network may be another one by now: sockets are looked for again, by the next deadline, for
// requests belong to the runner's loop.
Status Connection::renew_agent(Instant now) {
  auto agent = make_agent(options_, path_.ice().role(), dependencies_.crypto, env_);
  if (!agent) return Error{Errc::no_memory, "no room for an ICE session"};
  reopen_at_ = now;
  path_.restart(now, std::move(agent));
  gathering_.restart();
  return {};
}

Status Connection::restart_ice(Instant now) {
  if (ended_ || !remote_known_ || !negotiation_.described()) {
    return Error{Errc::wrong_state, "nothing to restart"};
  }
  if (negotiation_.answer_owed()) {
    restart_later_ = true;
    return {};
  }
  if (path_.ice().knows_remote()) {
    if (const Status renewed = renew_agent(now); !renewed) return renewed;
  } else {  // the last one still waits for its answer, which must find what it is for
    reopen_at_ = now;
    gathering_.restart();
  }
  negotiation_.offer_again();
  offer_due_ = true;
  advance(now);
  return {};
}

// Of another section it is another track, whose pictures are not the old one's.
void Connection::tell_track(const Track& before, const Track& now, State added, State removed) {
  const bool same = before.heard && now.heard && before.mid == now.mid;
  if (before.heard && !same) outbox_.say(StateChanged{removed});
  if (now.heard && !same) outbox_.say(StateChanged{added});
}

// What a renegotiation changes of what is carried [rfc8829#5.10].
void Connection::follow_media(Instant now, const sdp::Remote& remote, Heard before, bool had_data) {
  const Heard heard = hears();
  tell_track(before.audio, heard.audio, State::audio_added, State::audio_removed);
  tell_track(before.video, heard.video, State::video_added, State::video_removed);
  if (!remote.data) data_again_ = false;  // the last word counts
  if (!remote.data && had_data) {
    has_data_ = false;  // [rfc8841#10.4] the section is refused: the association is closed
    data_->abort(now);
  } else if (remote.data && !had_data) {
    begin_data(now);
  }
  if (!has_data_ && !carries_media()) end(now, State::disconnected, Failure::association_lost);
}

void Connection::describe_when_ready(Instant now) {
  if (ended_ || !(options_.trickle_out ? gathering_.begun() : gathering_.done())) return;
  const bool first_offer =
      role_ == ice::Role::controlling && !negotiation_.described() && !negotiation_.answering();
  const bool due = negotiation_.answer_owed() || redescribe_ || offer_due_;
  if (!first_offer && !due) return;
  const auto candidates = path_.ice().local_candidates();
  const bool more_will_come = options_.trickle_out && !gathering_.complete();
  if (candidates.empty() && !more_will_come) return on_no_address(now);
  redescribe_ = offer_due_ = false;
  if (negotiation_.answering()) {
    tell_agreed_media();
  } else {
    if (options_.audio.codec != sdp::AudioCodec::none && !told_audio_) {
      told_audio_ = options_.audio;
      outbox_.say(AudioDescribed{options_.audio});
    }
    if (options_.video.codec != sdp::VideoCodec::none && !told_video_) {
      told_video_ = options_.video;
      outbox_.say(VideoDescribed{options_.video});
    }
  }
  const Status described = negotiation_.describe({
      .credentials = path_.ice().local_credentials(),
      .fingerprint = identity_.fingerprint(),
      .candidates = candidates,
      .end_of_candidates = gathering_.complete(),
  });
  if (!described) return end(now, State::disconnected, Failure::no_memory);
  if (path_.secured()) negotiation_.settle();
  outbox_.say(LocalDescription{});
  told_candidates_ = candidates.size();
  told_last_candidate_ = gathering_.complete();
  if (!std::exchange(restart_later_, false)) return;
  if (!restart_ice(now)) end(now, State::disconnected, Failure::no_memory);
}

// Nobody could reach us. A restart meanwhile leaves alone what works, and looks again.
void Connection::on_no_address(Instant now) {
  if (!path_.secured()) {
    return end(now, State::disconnected,
               relays_.refused() ? Failure::relay_refused : Failure::no_address);
  }
  reopen_at_ = now + seconds(1);
  gathering_.restart();
}

// [rfc8838#4] What was found after the description went out.
void Connection::tell_candidates(Instant now) {
  if (ended_ || !options_.trickle_out || !negotiation_.described()) return;
  const std::size_t found = path_.ice().local_candidates().size();
  while (told_candidates_ < found) {
    outbox_.say(LocalCandidateFound{static_cast<std::uint8_t>(told_candidates_++)});
  }
  if (told_last_candidate_ || !gathering_.complete()) return;
  if (found == 0) return on_no_address(now);
  told_last_candidate_ = true;
  outbox_.say(LocalCandidatesDone{});
}

// Each once for each time that it is something else than what was told before. What the application
// left open is no difference.
void Connection::tell_agreed_media() {
  tell_agreed_audio();
  tell_agreed_video();
}

// Size and rate are in no description, and no other codec is ever agreed on: it is as the
// application said.
void Connection::tell_agreed_video() {
  if (!negotiation_.video() || told_video_) return;
  told_video_ = options_.video;
  outbox_.say(VideoDescribed{*told_video_});
}

namespace {

// [rfc7587#6.1] Of Opus two where we have two, and the peer means to give them; where we only send,
// where it likes to get them. a=rtpmap always says two.
std::uint8_t channels_of(const NegotiatedAudio& agreed, const AudioOptions& ours) {
  const bool two = sdp::receives(agreed.direction) ? agreed.opus.sprop_stereo : agreed.opus.stereo;
  return ours.channels > 1 && two ? 2 : 1;
}

}  // namespace

void Connection::tell_agreed_audio() {
  const auto& agreed = negotiation_.audio();
  if (!agreed) return;
  AudioOptions audio = options_.audio;
  audio.codec = agreed->format.codec;
  audio.direction = agreed->direction;
  audio.sample_rate = agreed->format.clock_rate;
  audio.channels = channels_of(*agreed, options_.audio);
  const auto same = [](std::uint32_t told, std::uint32_t now) { return told == 0 || told == now; };
  if (told_audio_ && told_audio_->codec == audio.codec &&
      same(told_audio_->sample_rate, audio.sample_rate) &&
      same(told_audio_->channels, audio.channels)) {
    return;
  }
  told_audio_ = audio;
  outbox_.say(AudioDescribed{audio});
}

}  // namespace esp_peer::peer
