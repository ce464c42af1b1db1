#include "peer/connection.hpp"

#include <algorithm>
#include <utility>

#include "esp_peer/features.hpp"
#include "peer/demux.hpp"

namespace esp_peer::peer {
namespace {

// [rfc8841#6] What we announce; a larger message could not be kept.
std::uint32_t max_message_size(const SessionOptions& options) {
  return std::min<std::uint32_t>(options.receive_buffer, 262'144);
}

// A message of the size that we announce must fit: its own bookkeeping, and that of the fragment
// that completes it.
constexpr std::uint32_t message_overhead = 2 * sctp::bookkeeping;

ice::Options ice_options(const SessionOptions& options, ice::Role role) {
  ice::Options ice;
  // A lite peer never checks, so the checks are ours and we decide [rfc8445#6.1.1].
  ice.role = options.remote_lite ? ice::Role::controlling : role;
  ice.remote_lite = options.remote_lite;
  ice.max_local_candidates = std::min(options.max_candidates, Negotiation::max_candidates);
  ice.patience = options.connect_timeout;
  ice.consent_misses = options.consent_misses;
  return ice;
}

dtls::Options dtls_options(const SessionOptions& options) {
  dtls::Options dtls;
  dtls.ciphers = options.ciphers;
  // Also where there is data alone: Pion and werift end a connection that has agreed on no profile.
  using crypto::SrtpProfile;
  dtls.srtp_profiles.push_back(SrtpProfile::aead_aes_128_gcm);
  dtls.srtp_profiles.push_back(SrtpProfile::aead_aes_256_gcm);
  dtls.srtp_profiles.push_back(SrtpProfile::aes128_cm_sha1_80);  // [rfc8827#6.5] everybody has it
  return dtls;
}

std::uint64_t new_session_id(Random& random) {
  // [rfc8829#5.2.1] 64 bits with the highest zero.
  return random.number<std::uint64_t>() >> 1;
}

}  // namespace

Connection::Connection(const SessionOptions& options, ice::Role role, const Servers& servers,
                       const Dependencies& dependencies, dtls::Identity& identity,
                       Owned<ice::Agent> agent, Outbox& outbox, Env env)
    : options_(options),
      role_(role),
      dependencies_(dependencies),
      identity_(identity),
      outbox_(outbox),
      env_(env),
      path_(std::move(agent), dtls_options(options), dependencies.dtls, identity, env),
      relays_(dependencies.crypto, env),
      negotiation_(
          new_session_id(env.random),
          {max_message_size(options), features::data && options.data, options.audio, options.video},
          dependencies.crypto, env),
      gathering_(options.gathering_timeout, options.relay_only, servers, path_, relays_, outbox,
                 env.memory) {}

Owned<ice::Agent> Connection::make_agent(const SessionOptions& options, ice::Role role,
                                         crypto::Provider& crypto, Env env) {
  return Owned<ice::Agent>::make(env.memory, ice_options(options, role),
                                 ice::generate_credentials(env.random), crypto, env);
}

void Connection::start(Instant now) {
  say(State::gathering);
  if (!outbox_.request(OpenSockets{})) end(now, State::disconnected, Failure::no_memory);
}

void Connection::on_servers(Instant now) {
  if (path_.paired()) return gathering_.change_servers();
  gathering_.change_servers(now);
  redescribe_ = negotiation_.described();
  advance(now);
}

bool Connection::carries_data() const { return data_ && has_data_ && !data_->ended(); }

bool Connection::carries_media() const {
  return media_ && (negotiation_.audio() || negotiation_.video());
}

Status Connection::add_remote_candidate(Instant now, const ice::Candidate& candidate) {
  const Status added = path_.ice().add_remote(now, candidate);
  advance(now);
  return added;
}

Result<sctp::StreamId> Connection::create_channel(Instant now,
                                                  const datachannel::ChannelOptions& options) {
  if (!data_) return Error{Errc::wrong_state, "no association"};
  auto created = data_->create(now, options);
  take_data_events(now);  // a negotiated one is open
  return created;
}

Status Connection::close_channel(Instant now, std::string_view label) {
  if (!data_) return Error{Errc::not_found, "no channel of this label"};
  const Status closed = data_->close(now, label);
  take_data_events(now);
  return closed;
}

Status Connection::send_data(Instant now, sctp::StreamId stream, datachannel::Kind kind,
                             Bytes message) {
  if (!data_ || ended_) return Error{Errc::wrong_state, "no channel is open"};
  return data_->send(now, stream, kind, message);
}

Status Connection::send_audio(Instant now, std::uint32_t pts, Bytes frame) {
  if (ended_ || !path_.secured()) return Error{Errc::wrong_state, "not connected"};
  if (!media_) return Error{Errc::unsupported, "no audio was agreed on"};
  return media_->send_audio(now, pts, frame);
}

Status Connection::send_video(Instant now, std::uint32_t pts, Bytes frame) {
  if (ended_ || !path_.secured()) return Error{Errc::wrong_state, "not connected"};
  if (!media_) return Error{Errc::unsupported, "no video was agreed on"};
  const Status sent = media_->send_video(now, pts, frame);
  tell_keyframe_wanted();
  return sent;
}

// The peer may have asked for one, or what we left out asks for it.
void Connection::tell_keyframe_wanted() {
  if (media_ && media_->take_keyframe_request()) outbox_.say(StateChanged{State::keyframe_wanted});
}

void Connection::close(Instant now) {
  if (data_) data_->leave(now);
  end(now, State::disconnected, Failure::none);
  take_data_events(now);
}

void Connection::on_sockets(Instant now, std::span<const Address> sockets) {
  if (ended_) return;
  gathering_.on_sockets(now, sockets);
  advance(now);
}

void Connection::on_resolved(Instant now, std::uint32_t id, std::span<const Address> addresses) {
  if (ended_) return;
  gathering_.on_resolved(now, id, addresses);
  advance(now);
}

void Connection::on_datagram(Instant now, const Route& from, MutableBytes datagram) {
  if (ended_) return;
  Route route = from;
  if (relays_.on_datagram(now, route, datagram) == Relays::Came::from_server) return advance(now);
  if (media_ && protocol_of(datagram) == Protocol::rtp && path_.takes_media(route)) {
    media_->on_packet(now, datagram);
    return tell_keyframe_wanted();
  }
  path_.on_datagram(now, route, datagram);
  advance(now);
}

void Connection::on_deadline(Instant now) {
  if (ended_) return;
  if (reopen_at_ && *reopen_at_ <= now) {
    reopen_at_.reset();
    if (!outbox_.request(OpenSockets{.again = true})) reopen_at_ = now + seconds(1);
  }
  static_cast<void>(gathering_.on_deadline(now));
  relays_.on_deadline(now);
  path_.on_deadline(now);
  if (data_) data_->on_deadline(now);
  if (media_) media_->on_deadline(now);
  advance(now);
}

void Connection::poll_transmit(Instant now, TxBatch& out) {
  // Checks first: what keeps the path alive must not queue behind a megabyte of data.
  if (!closing_) path_.poll_transmit(now, out, relays_);
  relays_.poll_transmit(now, out);
  // Nor must a frame of audio or video.
  transmit_media(now, out);
  transmit_records(now, out);
  if (!closing_ || out.room().size() < SecurePath::room_for_one) return;
  // The application has left: its ABORT is out, close_notify comes last.
  path_.close(now);
  path_.poll_transmit(now, out, relays_);
  relays_.close(now);
  relays_.poll_transmit(now, out);
}

void Connection::transmit_media(Instant now, TxBatch& out) {
  const auto route = path_.route();
  while (media_ && route && out.room().size() >= SecurePath::room_for_one) {
    const std::size_t n = media_->write_packet(now, out.room());
    if (n == 0) break;
    relays_.commit(now, out, *route, n, Relays::Use::data);
  }
  tell_keyframe_wanted();
}

void Connection::transmit_records(Instant now, TxBatch& out) {
  const auto route = path_.route();
  while (data_ && route && out.room().size() >= SecurePath::room_for_one) {
    const MutableBytes room = out.room();
    const MutableBytes plain =
        room.subspan(dtls::Endpoint::seal_front, room.size() - dtls::Endpoint::seal_overhead);
    const std::size_t n = data_->write_packet(now, plain);
    if (n == 0) return;
    const std::size_t sealed = path_.seal(now, plain.first(n), room);
    if (sealed != 0) relays_.commit(now, out, *route, sealed, Relays::Use::data);
  }
}

std::optional<datachannel::Message> Connection::read_message(Instant now) {
  if (!data_) return std::nullopt;
  auto message = data_->read_message(now);
  if (!message) take_data_events(now);  // what stood behind the last one
  return message;
}

std::optional<AudioFrame> Connection::read_audio() {
  return media_ && !ended_ ? media_->read_audio() : std::nullopt;
}

std::optional<VideoFrame> Connection::read_video(Instant now) {
  return media_ && !ended_ ? media_->read_video(now) : std::nullopt;
}

std::optional<Instant> Connection::next_deadline() const {
  if (ended_) return std::nullopt;
  auto next = earliest(path_.next_deadline(), gathering_.next_deadline());
  next = earliest(earliest(next, reopen_at_), relays_.next_deadline());
  if (media_) next = earliest(next, media_->next_deadline());
  return data_ ? earliest(next, data_->next_deadline()) : next;
}

ice::CandidateText Connection::local_candidate(std::uint8_t index) const {
  const auto candidates = path_.ice().local_candidates();
  return index < candidates.size() ? ice::candidate_text(candidates[index]) : ice::CandidateText{};
}

std::optional<std::string_view> Connection::channel_label(sctp::StreamId stream) const {
  return data_ ? data_->label(stream) : std::nullopt;
}

std::optional<Route> Connection::paired() const { return ended_ ? std::nullopt : path_.pair(); }

void Connection::hash_state(StateHash& hash) const {
  path_.hash_state(hash);
  hash.add(reopen_at_.value_or(Instant::max()));
  gathering_.hash_state(hash);
  relays_.hash_state(hash);
  if (data_) data_->hash_state(hash);
  if (media_) media_->hash_state(hash);
  hash.add(negotiation_.text());
  hash.add(state_);
  hash.add(ended_);
}

void Connection::advance(Instant now) {
  while (const auto found = relays_.poll_found(now, path_.ice().local_candidates())) {
    path_.ice().add_relayed(now, found->relayed, found->server);
  }
  while (const auto event = path_.poll_event()) on_path_event(now, *event);
  for (Bytes record = path_.read(now); !record.empty(); record = path_.read(now)) {
    if (data_) data_->on_packet(now, record);
  }
  while (const auto event = path_.poll_event()) on_path_event(now, *event);
  take_data_events(now);
  describe_when_ready(now);
  tell_candidates(now);
}

void Connection::on_path_event(Instant now, SecurePath::Event event) {
  switch (event) {
    case SecurePath::Event::paired:
      return say(State::paired);
    case SecurePath::Event::handshaking:
      negotiation_.settle_roles();
      return say(State::connecting);
    case SecurePath::Event::secured:
      return on_secured(now);
    case SecurePath::Event::no_pair:
      return end(now, State::connect_failed, Failure::no_pair);
    case SecurePath::Event::handshake_timeout:
      return end(now, State::connect_failed, Failure::handshake_timeout);
    case SecurePath::Event::handshake_refused:
      return end(now, State::connect_failed, Failure::handshake_refused);
    case SecurePath::Event::wrong_fingerprint:
      return end(now, State::connect_failed, Failure::wrong_fingerprint);
    case SecurePath::Event::no_memory:
      return end(now, State::connect_failed, Failure::no_memory);
    case SecurePath::Event::closed_by_peer:
    case SecurePath::Event::broken:
      return end(now, State::disconnected, Failure::closed_by_peer);
    case SecurePath::Event::lost:
      return end(now, State::disconnected, Failure::consent_lost);
    case SecurePath::Event::restart_failed:
      // The peer has heard of the old session all that it wanted.
      told_candidates_ = path_.ice().local_candidates().size();
      told_last_candidate_ = true;
      return;
  }
}

void Connection::on_secured(Instant now) {
  // [rfc5764#4.1.2] Media's keys are of this handshake, or there are none: nobody renegotiates.
  if (!dependencies_.srtp || !path_.srtp_profile()) negotiation_.refuse_media();
  begin_media(now);
  // What was agreed on and cannot be is not carried; with nothing left it is no connection.
  if (!has_data_ && !media_) {
    return end(now, State::connect_failed, Failure::handshake_refused);
  }
  say(State::connected);  // whoever hears of it may send media at once
  negotiation_.settle();
  redescribe_ = redescribe_ && negotiation_.answer_owed();  // servers that came too late for it
  if (has_data_) begin_data(now);
}

void Connection::begin_data(Instant now) {
  if constexpr (features::data) {
    data_again_ = data_ && !data_->over();  // once the last one has been read
    if (data_again_) return;
    data_options_.automatic_channel = options_.automatic_channel;
    data_options_.sctp.send_buffer = options_.send_buffer;
    data_options_.sctp.receive_window = options_.receive_buffer + message_overhead;
    data_options_.sctp.incomplete_lifetime = options_.incomplete_lifetime;
    data_ = Owned<DataSession>::make(env_.memory, data_options_, dependencies_.crypto, env_);
    if (!data_) return end(now, State::disconnected, Failure::no_memory);
    data_->connect(now);
  }
}

void Connection::begin_media(Instant now) {
  if constexpr (features::audio || features::video) {
    const auto& audio = negotiation_.audio();
    const auto& video = negotiation_.video();
    const auto profile = path_.srtp_profile();
    if ((!audio && !video) || !profile || !dependencies_.srtp) return;
    MediaKeys keys(*profile, data_options_.dtls_client);
    if (!path_.export_srtp_keys(MutableBytes(keys.exported).first(srtp::exported_size(*profile)))) {
      return;
    }
    const MediaLimits limits{options_.audio_jitter, options_.video_limits, options_.wall_clock,
                             options_.sync_pts};
    media_ = Owned<MediaSession>::make(env_.memory, limits, keys, *dependencies_.srtp, env_);
    if (media_ && !media_->ok()) media_.reset();
    if (media_ && dependencies_.transformer) media_->use(*dependencies_.transformer);
    if (media_) media_->change(now, audio, video);
  }
}

void Connection::take_data_events(Instant now) {
  if (data_again_ && !ended_ && data_->over()) begin_data(now);
  while (data_) {
    const auto event = data_->poll_event(now);
    if (!event) break;
    on_data_event(*event);
    if (event->kind < DataSession::Event::Kind::disconnected) continue;
    if (data_again_ && !ended_) break;  // with the next call: labels are asked for until then
    // Without its association a connection that carries nothing else stands for nothing.
    has_data_ = false;
    if (!ended_ && !carries_media()) {
      return end(now, State::disconnected,
                 event->by_peer ? Failure::closed_by_peer : Failure::association_lost);
    }
  }
  if (!last_words_ || (data_ && !data_->over())) return;
  say(last_words_->state, last_words_->why);
  last_words_.reset();
}

void Connection::on_data_event(const DataSession::Event& event) {
  using Kind = DataSession::Event::Kind;
  switch (event.kind) {
    case Kind::connected:
      return outbox_.say(StateChanged{State::data_connected});
    case Kind::opened:
      outbox_.say(ChannelOpened{event.stream});
      return outbox_.say(StateChanged{State::data_opened});
    case Kind::closed:
      outbox_.say(ChannelClosed{event.stream});
      return outbox_.say(StateChanged{State::data_closed});
    case Kind::disconnected:
      return outbox_.say(StateChanged{State::data_disconnected});
    case Kind::failed:
      return;
  }
}

void Connection::end(Instant now, State how, Failure why) {
  if (ended_) return;
  ended_ = true;
  if (media_) media_->leave();
  if (data_) data_->abort(now);
  // The ABORT can only be sealed while the path is open; poll_transmit() closes it afterwards.
  closing_ = path_.secured();
  // exception: [rfc8656#8.3] a relay is given back once, and nobody waits for the answer: the
  // sockets are closed at once. Else it ends by itself, within ten minutes.
  if (!closing_) {
    path_.close(now);
    relays_.close(now);
  }
  last_words_ = {how, why};
  take_data_events(now);
}

void Connection::say(State state, Failure why) {
  state_ = state;
  outbox_.say(StateChanged{state, why});
}

}  // namespace esp_peer::peer
