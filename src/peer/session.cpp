#include "peer/session.hpp"

#include <utility>

#include "esp_peer/features.hpp"
#include "peer/connection.hpp"

namespace esp_peer::peer {
namespace {

[[maybe_unused]] Error no_data() { return {Errc::unsupported, "a build without data channels"}; }

}  // namespace

Session::Session(const SessionOptions& options, const Dependencies& dependencies, Env env)
    : options_(options),
      dependencies_(dependencies),
      env_(env),
      outbox_(env.memory),
      role_(options.role),
      early_candidates_(env.memory) {
  if (!features::audio) options_.audio = {};
  if (!features::video) options_.video = {};
}

Session::~Session() = default;

Status Session::set_servers(Instant now, std::span<const Server> servers) {
  if (servers.size() > max_servers) return Error{Errc::over_limit, "too many ICE servers"};
  FixedVector<std::string_view, 2 * max_servers> texts;
  for (const Server& server : servers) {
    if (!server.turn) continue;
    texts.push_back(server.username);
    texts.push_back(server.password);
  }
  turn::Secret accounts;
  if (!texts.empty() && !accounts.assign(env_.memory, {texts.begin(), texts.size()})) {
    return Error{Errc::no_memory, "no room for the accounts of servers"};
  }
  accounts_ = std::move(accounts);
  servers_.clear();
  std::string_view rest = accounts_.text();
  const auto take = [&](std::size_t size) {
    const auto front = rest.substr(0, size);
    rest.remove_prefix(size);
    return front;
  };
  for (Server server : servers) {
    server.username = take(server.turn ? server.username.size() : 0);
    server.password = take(server.turn ? server.password.size() : 0);
    servers_.push_back(server);
  }
  if (!live()) return {};
  connection_->on_servers(now);
  settle(now);
  return {};
}

Status Session::set_role(Instant, ice::Role role) {
  next_role_.reset();
  if (described()) {
    next_role_ = role;
    return {};
  }
  role_ = role;
  if (live()) connection_->set_role(role);
  return {};
}

Status Session::new_connection(Instant now) {
  const bool has_media = options_.audio.codec != sdp::AudioCodec::none ||
                         options_.video.codec != sdp::VideoCodec::none;
  if (!(features::data && options_.data) && !has_media) {
    return Error{Errc::unsupported, "nothing to connect for"};
  }
  if (active()) {
    return described() ? Status(Error{Errc::wrong_state, "already connecting"}) : Status();
  }
  timers_.disarm_all();
  backoff_.reset();
  if (next_role_) role_ = *std::exchange(next_role_, std::nullopt);
  say(State::new_connection);
  timers_.arm(Timer::attempt, now);
  return {};
}

Status Session::disconnect(Instant now) {
  // What the peer said for this attempt is nothing to the next one.
  early_description_ = Buffer();
  early_candidates_.clear();
  if (!active() && !timers_.armed(Timer::reconnect)) return {};
  const bool waiting = timers_.armed(Timer::attempt);
  timers_.disarm_all();
  fall_back_role();
  if (waiting) {
    connection_.reset();  // what is left of the last one has its own end
    say(State::disconnected);
    return {};
  }
  if (!active()) return {};
  connection_->close(now);
  settled_ = true;  // by the application's wish: no reconnect
  if (!outbox_.request(CloseSockets{})) return Error{Errc::no_memory, "no room for a request"};
  return {};
}

Status Session::set_remote_description(Instant now, std::string_view sdp) {
  if (live()) {
    const Status taken = connection_->set_remote_description(now, sdp);
    if (!taken && options_.auto_reconnect && connection_->peer_has_rebuilt()) {
      connection_->give_up(now);
      settle(now);
      return keep_description(now, sdp);
    }
    settle(now);
    return taken;
  }
  return keep_description(now, sdp);
}

// For the attempt to come.
Status Session::keep_description(Instant now, std::string_view sdp) {
  if (sdp.size() > Negotiation::max_description) {
    return Error{Errc::over_limit, "description above 64 KiB"};
  }
  auto description = Owned<sdp::Description>::make(env_.memory);
  auto remote = Owned<sdp::Remote>::make(env_.memory);
  if (!description || !remote) return Error{Errc::no_memory, "no room for the description"};
  if (const Status parsed = sdp::parse(sdp, *description); !parsed) return parsed;
  const sdp::Wanted wanted{features::data && options_.data, options_.audio.codec,
                           options_.video.codec};
  if (const Status usable = sdp::read_remote(*description, wanted, *remote); !usable) return usable;
  // What leaves no choice of roles is an offer to one who only answers; to others it is the late
  // answer of a connection that is over.
  const bool no_choice =
      remote->setup == sdp::Setup::active || remote->setup == sdp::Setup::passive;
  if (no_choice && role_ == ice::Role::controlling) {
    return Error{Errc::wrong_state, "an answer, and no offer of ours is out"};
  }
  early_description_ = Buffer::copy_of(env_.memory, as_bytes(sdp));
  if (!early_description_) return Error{Errc::no_memory, "no room for the description"};
  cut_wait_short(now);
  return {};
}

Status Session::add_remote_candidate(Instant now, std::string_view line) {
  auto candidate = ice::parse_candidate(line);
  if (!candidate) return candidate.error();
  if (live()) {
    const Status added = connection_->add_remote_candidate(now, *candidate);
    settle(now);
    return added;
  }
  if (early_candidates_.size() == max_early_candidates) {
    return Error{Errc::over_limit, "too many candidates before a connection"};
  }
  if (!early_candidates_.push_back(*candidate)) {
    return Error{Errc::no_memory, "no room for the candidate"};
  }
  return {};
}

Status Session::restart_ice(Instant now) {
  if (!live()) return Error{Errc::wrong_state, "not connected"};
  const Status restarted = connection_->restart_ice(now);
  settle(now);
  return restarted;
}

Result<datachannel::StreamId> Session::create_channel(Instant now,
                                                      const datachannel::ChannelOptions& options) {
  if constexpr (!features::data) return no_data();
  if (!live()) return Error{Errc::wrong_state, "not connected"};
  auto created = connection_->create_channel(now, options);
  settle(now);
  return created;
}

Status Session::close_channel(Instant now, std::string_view label) {
  if constexpr (!features::data) return no_data();
  if (!live()) return Error{Errc::not_found, "no channel of this label"};
  const Status closed = connection_->close_channel(now, label);
  settle(now);  // what was not read is dropped with it, and the end may have stood behind that
  return closed;
}

Status Session::send_data(Instant now, datachannel::StreamId stream, datachannel::Kind kind,
                          Bytes message) {
  if constexpr (!features::data) return no_data();
  if (!live()) return Error{Errc::wrong_state, "not connected"};
  return connection_->send_data(now, stream, kind, message);
}

Status Session::send_audio(Instant now, std::uint32_t pts_ms, Bytes frame) {
  if (options_.audio.codec == sdp::AudioCodec::none) {
    return Error{Errc::unsupported, "no audio was asked for"};
  }
  if (!live()) return Error{Errc::wrong_state, "not connected"};
  return connection_->send_audio(now, pts_ms, frame);
}

Status Session::send_video(Instant now, std::uint32_t pts_ms, Bytes frame) {
  if (options_.video.codec == sdp::VideoCodec::none) {
    return Error{Errc::unsupported, "no video was asked for"};
  }
  if (!live()) return Error{Errc::wrong_state, "not connected"};
  return connection_->send_video(now, pts_ms, frame);
}

void Session::on_sockets(Instant now, std::span<const Address> sockets) {
  if (!connection_) return;
  connection_->on_sockets(now, sockets);
  settle(now);
}

void Session::on_resolved(Instant now, std::uint32_t id, std::span<const Address> addresses) {
  if (!connection_) return;
  connection_->on_resolved(now, id, addresses);
  settle(now);
}

void Session::on_datagram(Instant now, const Route& route, MutableBytes datagram) {
  if (!connection_) return;
  connection_->on_datagram(now, route, datagram);
  settle(now);
}

void Session::on_deadline(Instant now) {
  timers_.expire(now, [&](Timer timer) {
    if (timer == Timer::reconnect) say(State::new_connection);
    begin_attempt(now);
  });
  if (connection_) connection_->on_deadline(now);
  settle(now);
}

void Session::poll_transmit(Instant now, TxBatch& out) {
  if (connection_) connection_->poll_transmit(now, out);
}

std::optional<Request> Session::poll_request() {
  while (const auto request = outbox_.poll_request()) {
    // A restart, or other servers, may have come between: nobody waits for that name any more.
    const auto* wanted = std::get_if<Resolve>(&*request);
    if (!wanted || !server_name(wanted->id).empty()) return request;
  }
  return std::nullopt;
}

std::optional<Event> Session::poll_event() {
  auto event = outbox_.poll_event();
  // Nobody waits for ever for an end that memory could not keep.
  if (!event && outbox_.take_loss() && state() != told_)
    event = StateChanged{state(), Failure::no_memory};
  if (event) {
    const auto* changed = std::get_if<StateChanged>(&*event);
    if (changed && is_about_connection(changed->state)) told_ = changed->state;
  }
  return event;
}

std::optional<datachannel::Message> Session::read_message(Instant now) {
  if (!connection_) return std::nullopt;
  auto message = connection_->read_message(now);
  if (!message) settle(now);
  return message;
}

std::optional<AudioFrame> Session::read_audio() {
  return connection_ ? connection_->read_audio() : std::nullopt;
}

const NegotiatedAudio* Session::audio() const {
  return connection_ && connection_->audio() ? &*connection_->audio() : nullptr;
}

std::optional<VideoFrame> Session::read_video(Instant now) {
  return connection_ ? connection_->read_video(now) : std::nullopt;
}

std::optional<Instant> Session::next_deadline() const {
  return connection_ ? earliest(timers_.next(), connection_->next_deadline()) : timers_.next();
}

bool Session::owes_ack() const { return connection_ && connection_->owes_ack(); }

State Session::state() const {
  return connection_ && !timers_.armed(Timer::attempt) ? connection_->state() : state_;
}

std::string_view Session::local_description() const {
  return connection_ ? connection_->local_description() : std::string_view{};
}

ice::CandidateText Session::local_candidate(std::uint8_t index) const {
  return connection_ ? connection_->local_candidate(index) : ice::CandidateText{};
}

std::string_view Session::server_name(std::uint32_t id) const {
  return connection_ ? connection_->server_name(id) : std::string_view{};
}

std::optional<std::string_view> Session::channel_label(datachannel::StreamId stream) const {
  return connection_ ? connection_->channel_label(stream) : std::nullopt;
}

DataStats Session::data_stats() const {
  return connection_ ? connection_->data_stats() : DataStats{};
}

bool Session::carries_data() const { return live() && connection_->carries_data(); }

std::optional<Route> Session::paired() const {
  return connection_ ? connection_->paired() : std::nullopt;
}

void Session::hash_state(StateHash& hash) const {
  if (connection_) connection_->hash_state(hash);
  hash.add(state_);
  hash.add(role_);
  hash.add(early_description_.size());
  hash.add(early_candidates_.size());
  hash.add(timers_.next().value_or(Instant::max()));
}

// An attempt is on, or about to begin, or its end was not told yet.
bool Session::active() const {
  return timers_.armed(Timer::attempt) || (connection_ && !connection_->over());
}

// And the peer has been told of it.
bool Session::described() const {
  return active() && !timers_.armed(Timer::attempt) && connection_->described();
}

// There is a connection to speak to; the last one's remains do not count.
bool Session::live() const {
  return connection_ && !connection_->ended() && !timers_.armed(Timer::attempt);
}

void Session::begin_attempt(Instant now) {
  connection_.reset();
  dtls::Identity* identity = dependencies_.identities.identity();
  if (!identity) {
    say(State::connect_failed, Failure::no_memory);
    return schedule_reconnect(now);
  }
  auto agent = Connection::make_agent(options_, role_, dependencies_.crypto, env_);
  if (agent) {
    connection_ = Owned<Connection>::make(env_.memory, options_, role_, servers_, dependencies_,
                                          *identity, std::move(agent), outbox_, env_);
  }
  dependencies_.dtls.release(*identity);  // the connection holds its own reference
  if (!connection_) {
    say(State::connect_failed, Failure::no_memory);
    return schedule_reconnect(now);
  }
  settled_ = false;
  connection_->start(now);
  give_early_remote(now);
}

void Session::give_early_remote(Instant now) {
  if (early_description_) {
    const Buffer description = std::move(early_description_);
    early_description_ = Buffer();
    // It was parsed when it came; what fails now fails for want of memory, and the peer asks again.
    static_cast<void>(connection_->set_remote_description(now, as_text(description.bytes())));
  }
  for (const auto& candidate : early_candidates_) {
    static_cast<void>(connection_->add_remote_candidate(now, candidate));
  }
  early_candidates_.clear();
}

void Session::settle(Instant now) {
  if (!connection_) return;
  if (connection_->state() == State::connected) backoff_.reset();
  if (settled_ || !connection_->over()) return;
  settled_ = true;
  static_cast<void>(outbox_.request(CloseSockets{}));
  fall_back_role();
  schedule_reconnect(now);
  if (early_description_) cut_wait_short(now);
}

// An attempt that could not even begin waits in any case, or it would begin for ever.
void Session::schedule_reconnect(Instant now) {
  if (!options_.auto_reconnect) return;
  timers_.arm(Timer::reconnect, now + backoff_.next(env_.random));
}

// The peer is back: no need to sit out the rest of the wait.
void Session::cut_wait_short(Instant now) {
  if (timers_.armed(Timer::reconnect)) timers_.arm(Timer::reconnect, now);
}

void Session::fall_back_role() {
  if (!options_.keep_role) role_ = ice::Role::controlling;
}

void Session::say(State state, Failure why) {
  state_ = state;
  outbox_.say(StateChanged{state, why});
}

}  // namespace esp_peer::peer
