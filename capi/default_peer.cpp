// The commands of a peer: check, tell the session, send, and let the loop know.
#include "capi/default_peer.hpp"

#include "backends/tls/tls.hpp"
#include "capi/audio.hpp"
#include "capi/callback_scope.hpp"
#include "capi/candidate_message.hpp"
#include "runner/linux/clock.hpp"

namespace esp_peer::capi {
namespace {

peer::Dependencies dependencies(peer::IdentitySource& identities, rtp::Transformer& transformer) {
  return {tls::crypto_provider(), tls::dtls_backend(), identities, media_backend(), &transformer};
}

// False for a type that is none.
bool read_reliability(const esp_peer_data_channel_cfg_t& config, std::uint16_t default_lifetime,
                      datachannel::ChannelOptions& out) {
  switch (raw(config.type)) {
    case ESP_PEER_DATA_CHANNEL_RELIABLE:
      return true;
    case ESP_PEER_DATA_CHANNEL_PARTIAL_RELIABLE_TIMEOUT:
      out.reliability = datachannel::Reliability::lifetime;
      out.limit = config.max_packet_lifetime != 0 ? config.max_packet_lifetime : default_lifetime;
      return true;
    case ESP_PEER_DATA_CHANNEL_PARTIAL_RELIABLE_RETX:
      out.reliability = datachannel::Reliability::retransmits;
      out.limit = config.max_retransmit_count;
      return true;
  }
  return false;
}

}  // namespace

DefaultPeer::DefaultPeer(const Config& config)
    : config_(config),
      session_(config.session, dependencies(identities_, transformer_),
               {memory_, tls::random(), {}}),
      news_(memory_) {
  // The background thread looks at us when we wake it, and then when it is due.
  if (config_.background_thread) sleeping_until_ = Instant::max();
  static_cast<void>(
      session_.set_servers(linux_runner::now(), {config_.servers.begin(), config_.servers.size()}));
}

int DefaultPeer::new_connection() {
  Lock lock(mutex_);
  const Instant now = linux_runner::now();
  const std::size_t told_by_the_loop = news_.size();
  const int result = finish(now, session_.new_connection(now));
  // NEW_CONNECTION comes from the thread that asked for it, and behind what came before it.
  if (news_.size() > told_by_the_loop) tell_from_here(lock, true);
  return result;
}

int DefaultPeer::update_ice_info(esp_peer_role_t role, const esp_peer_ice_server_cfg_t* servers,
                                 int count) {
  const auto our_role = read_role(role);
  if (!our_role) return ESP_PEER_ERR_INVALID_ARG;
  peer::Servers parsed;
  if (const Status read = read_servers(servers, count, parsed); !read) {
    return to_c_error(read.code());
  }
  const Lock lock(mutex_);
  const Instant now = linux_runner::now();
  static_cast<void>(session_.set_role(now, *our_role));
  return finish(now, session_.set_servers(now, {parsed.begin(), parsed.size()}));
}

int DefaultPeer::send_msg(const esp_peer_msg_t* message) {
  if (!message || !message->data || message->size <= 0) return ESP_PEER_ERR_INVALID_ARG;
  std::string_view text(reinterpret_cast<const char*>(message->data),
                        static_cast<std::size_t>(message->size));
  text = text.substr(0, text.find('\0'));  // some count the zero behind their text
  if (raw(message->type) == ESP_PEER_MSG_TYPE_SDP) {
    const Lock lock(mutex_);
    const Instant now = linux_runner::now();
    return finish(now, session_.set_remote_description(now, text));
  }
  if (raw(message->type) != ESP_PEER_MSG_TYPE_CANDIDATE) return ESP_PEER_ERR_INVALID_ARG;
  CandidateLine room;
  const auto line = candidate_line(text, room);
  if (!line) return ESP_PEER_ERR_BAD_DATA;
  // [rfc8838] The end matters to nobody: checks go on while there is patience [rfc8863].
  if (ends_candidates(*line) || is_mdns_candidate(*line)) return ESP_PEER_ERR_NONE;
  auto candidate = ice::parse_candidate(*line);
  if (!candidate) return to_c_error(candidate.error().code);
  if (!config_.ipv6 && !candidate->address.is_v4()) return ESP_PEER_ERR_NOT_SUPPORT;
  const Lock lock(mutex_);
  const Instant now = linux_runner::now();
  return finish(now, session_.add_remote_candidate(now, *line));
}

int DefaultPeer::restart_ice() {
  const Lock lock(mutex_);
  const Instant now = linux_runner::now();
  return finish(now, session_.restart_ice(now));
}

int DefaultPeer::set_rtp_transformer(rtp::Way way, const esp_peer_rtp_transform_cb_t* callbacks,
                                     void* ctx) {
  if (!media_backend()) return ESP_PEER_ERR_NOT_SUPPORT;
  const Lock lock(mutex_);
  return to_c_error(transformer_.set(way, callbacks, ctx).code());
}

int DefaultPeer::send_data(const esp_peer_data_frame_t* frame) {
  if (!frame) return ESP_PEER_ERR_INVALID_ARG;
  const bool is_string = raw(frame->type) == ESP_PEER_DATA_CHANNEL_STRING;
  if (!is_string && raw(frame->type) != ESP_PEER_DATA_CHANNEL_DATA) return ESP_PEER_ERR_INVALID_ARG;
  if (frame->size < 0 || (frame->size > 0 && !frame->data)) return ESP_PEER_ERR_INVALID_ARG;
  const Bytes message =
      std::as_bytes(std::span(frame->data, static_cast<std::size_t>(frame->size)));
  const auto kind = is_string ? datachannel::Kind::string : datachannel::Kind::binary;
  const Lock lock(mutex_);
  const Instant now = linux_runner::now();
  const Status sent =
      session_.send_data(now, datachannel::StreamId{frame->stream_id}, kind, message);
  sent_.messages += sent ? 1 : 0;
  sent_.bytes += sent ? message.size() : 0;
  return finish(now, sent);
}

int DefaultPeer::send_audio(const esp_peer_audio_frame_t* frame) {
  if (!frame || !frame->data || frame->size <= 0) return ESP_PEER_ERR_INVALID_ARG;
  const Bytes body = std::as_bytes(std::span(frame->data, static_cast<std::size_t>(frame->size)));
  const Lock lock(mutex_);
  const Instant now = linux_runner::now();
  return finish(now, session_.send_audio(now, frame->pts, body));
}

int DefaultPeer::send_video(const esp_peer_video_frame_t* frame) {
  if (!frame || !frame->data || frame->size <= 0) return ESP_PEER_ERR_INVALID_ARG;
  const Bytes body = std::as_bytes(std::span(frame->data, static_cast<std::size_t>(frame->size)));
  const Lock lock(mutex_);
  const Instant now = linux_runner::now();
  return finish(now, session_.send_video(now, frame->pts, body));
}

int DefaultPeer::create_data_channel(const esp_peer_data_channel_cfg_t* config) {
  if (!config) return ESP_PEER_ERR_INVALID_ARG;
  return create(*config, {}, nullptr);
}

int DefaultPeer::create_ext_channel(const esp_peer_ext_channel_cfg_t* config,
                                    std::uint16_t* stream) {
  if (!config) return ESP_PEER_ERR_INVALID_ARG;
  datachannel::ChannelOptions options;
  if (config->protocol) options.protocol = config->protocol;
  if (config->priority != 0) options.priority = config->priority;
  if (config->negotiated) options.negotiated = datachannel::StreamId{config->stream_id};
  return create(config->base, options, stream);
}

int DefaultPeer::create(const esp_peer_data_channel_cfg_t& config,
                        datachannel::ChannelOptions options, std::uint16_t* stream) {
  if (!config.label) return ESP_PEER_ERR_INVALID_ARG;
  options.label = config.label;
  options.ordered = config.ordered;
  if (!read_reliability(config, config_.message_lifetime_ms, options)) {
    return ESP_PEER_ERR_INVALID_ARG;
  }
  const Lock lock(mutex_);
  const Instant now = linux_runner::now();
  auto created = session_.create_channel(now, options);
  if (created && stream) *stream = static_cast<std::uint16_t>(*created);
  return finish(now, created ? Status() : Status(created.error()));
}

int DefaultPeer::close_data_channel(const char* label) {
  if (!label) return ESP_PEER_ERR_INVALID_ARG;
  const Lock lock(mutex_);
  const Instant now = linux_runner::now();
  return finish(now, session_.close_channel(now, label));
}

int DefaultPeer::disconnect() {
  Lock lock(mutex_);
  const Instant now = linux_runner::now();
  const std::size_t told_by_the_loop = news_.size();
  const int result = finish(now, session_.disconnect(now));
  interrupt();  // whoever disconnects may be about to join the loop's thread
  // The end is told before we return. The application has left: messages do not matter any more.
  if (news_.size() > told_by_the_loop) tell_from_here(lock, false);
  return result;
}

void DefaultPeer::begin_close() {
  const Lock lock(mutex_);
  closing_ = true;
  interrupt();
}

void DefaultPeer::finish_close() {
  Lock lock(mutex_);
  const Instant now = linux_runner::now();
  static_cast<void>(finish(now, session_.disconnect(now)));
  // With what the loop had not told yet: no channel stays open in the application's mind.
  tell_from_here(lock, false);
  lock.unlock();
  News closed;
  closed.state = peer::State::closed;
  tell_one(closed);
}

bool DefaultPeer::calling_back() const { return CallbackScope::inside(this); }

// A command has been given: what it made goes out now, and the loop hears of the rest. It may also
// have made room for what could not be fetched, and the connection's end may stand behind that.
int DefaultPeer::finish(Instant now, const Status& status) {
  collect(now);
  transmit(now);
  while (const auto request = session_.poll_request()) {
    // No command asks for sockets: that is done by the first deadline of an attempt, in the loop.
    if (const auto* wanted = std::get_if<peer::Resolve>(&*request)) resolve(wanted->id);
    if (std::holds_alternative<peer::CloseSockets>(*request)) close_sockets();
  }
  wake_if_needed();
  return to_c_error(status.code());
}

void DefaultPeer::wake_if_needed() {
  if (config_.background_thread && !news_.empty()) news_came_.notify_one();
  if (sleeping_until_ == Instant::min()) return;
  const auto due = session_.next_deadline();
  const bool has_to_tell = !config_.background_thread && !news_.empty();
  if (has_to_tell || (due && *due < sleeping_until_)) waiter_.wake();
}

// Ends the wait of main_loop().
void DefaultPeer::interrupt() {
  if (!config_.background_thread) return waiter_.wake();
  interrupted_ = true;
  news_came_.notify_all();
}

// Tells what waits from this thread alone, in its order; without `all`, only what has become of the
// connection and its channels.
void DefaultPeer::tell_from_here(Lock& lock, bool all) {
  NewsQueue mine(memory_);
  while (!news_.empty()) {
    News news = take_news();
    const bool bulk = news.kind == News::Kind::message || news.kind == News::Kind::description ||
                      news.kind == News::Kind::candidate || news.kind == News::Kind::audio ||
                      news.kind == News::Kind::video;
    if (all || !bulk) mine.push(std::move(news));
  }
  lock.unlock();
  while (!mine.empty()) {
    News news = mine.pop();
    tell_one(news);
  }
  lock.lock();
}

// The reason of an end is known with the end, not before.
News DefaultPeer::take_news() {
  News news = news_.pop();
  const bool is_end =
      news.state == peer::State::disconnected || news.state == peer::State::connect_failed;
  if (news.kind == News::Kind::state && is_end) told_failure_ = news.why;
  return news;
}

void DefaultPeer::tell_one(News& news) const {
  const CallbackScope scope(this, &news);
  if (news.kind == News::Kind::writable) {
    config_.on_writable(config_.callbacks.ctx);
    return;
  }
  tell(config_.callbacks, news);
}

}  // namespace esp_peer::capi
