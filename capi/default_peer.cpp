#include "capi/default_peer.hpp"

#include <algorithm>
#include <cstdio>

#include "capi/candidate_message.hpp"

namespace esp_peer::capi {
namespace {

constexpr std::size_t transmit_room = 256 * 1024;
constexpr std::size_t transmit_runs = 64;

// Room for datagrams on their way out: one for each thread that sends, not for each peer.
struct TransmitScratch {
  std::vector<std::byte> room = std::vector<std::byte>(transmit_room);
  std::vector<TxBatch::Run> runs = std::vector<TxBatch::Run>(transmit_runs);
};

std::string_view name_of(peer::State state) {
  constexpr std::string_view names[] = {"closed",
                                        "disconnected",
                                        "new connection",
                                        "candidate gathering",
                                        "pairing",
                                        "paired",
                                        "connecting",
                                        "connected",
                                        "connect failed",
                                        "data channel connected",
                                        "data channel opened",
                                        "data channel closed",
                                        "data channel disconnected"};
  return names[static_cast<std::size_t>(state)];
}

peer::Dependencies dependencies(peer::IdentitySource& identities) {
  return {openssl::provider(), openssl::backend(), identities};
}

}  // namespace

DefaultPeer::DefaultPeer(const Config& config)
    : config_(config), session_(config.session, dependencies(identities_), {memory_, random_, {}}) {
  static_cast<void>(
      session_.set_servers(linux_runner::now(), {config_.servers.begin(), config_.servers.size()}));
}

// ---------------------------------------------------------------- commands

int DefaultPeer::new_connection() {
  Lock lock(mutex_);
  const Instant now = linux_runner::now();
  session_.set_ciphers(identity_cache::cipher_preference());
  const int result = finish(now, session_.new_connection(now));
  tell_all(lock);  // NEW_CONNECTION comes from the thread that asked for it
  return result;
}

int DefaultPeer::update_ice_info(esp_peer_role_t role, const esp_peer_ice_server_cfg_t* servers,
                                 int count) {
  peer::Servers parsed;
  if (const Status read = read_servers(servers, count, parsed); !read) {
    return to_c_error(read.code());
  }
  if (role != ESP_PEER_ROLE_CONTROLLING && role != ESP_PEER_ROLE_CONTROLLED) {
    return ESP_PEER_ERR_INVALID_ARG;
  }
  const Lock lock(mutex_);
  const Instant now = linux_runner::now();
  static_cast<void>(session_.set_role(now, static_cast<ice::Role>(role)));
  return finish(now, session_.set_servers(now, {parsed.begin(), parsed.size()}));
}

int DefaultPeer::send_msg(const esp_peer_msg_t* message) {
  if (!message || !message->data || message->size <= 0) return ESP_PEER_ERR_INVALID_ARG;
  const std::string_view text(reinterpret_cast<const char*>(message->data),
                              static_cast<std::size_t>(message->size));
  if (message->type == ESP_PEER_MSG_TYPE_SDP) {
    const Lock lock(mutex_);
    const Instant now = linux_runner::now();
    return finish(now, session_.set_remote_description(now, text));
  }
  if (message->type != ESP_PEER_MSG_TYPE_CANDIDATE) return ESP_PEER_ERR_INVALID_ARG;
  const auto line = candidate_line(text);
  if (!line) return ESP_PEER_ERR_BAD_DATA;
  if (ends_candidates(*line)) return ESP_PEER_ERR_NONE;
  const Lock lock(mutex_);
  const Instant now = linux_runner::now();
  const int result = finish(now, session_.add_remote_candidate(now, *line));
  // A name that mDNS will resolve one day; until then the peer's checks show its address.
  const bool is_name = line->find(".local ") != line->npos;
  return result == ESP_PEER_ERR_NOT_SUPPORT && is_name ? ESP_PEER_ERR_NONE : result;
}

int DefaultPeer::send_data(const esp_peer_data_frame_t* frame) {
  const bool is_string = frame->type == ESP_PEER_DATA_CHANNEL_STRING;
  if (!is_string && frame->type != ESP_PEER_DATA_CHANNEL_DATA) return ESP_PEER_ERR_INVALID_ARG;
  if (frame->size < 0 || (frame->size > 0 && !frame->data)) return ESP_PEER_ERR_INVALID_ARG;
  const Bytes message =
      std::as_bytes(std::span(frame->data, static_cast<std::size_t>(frame->size)));
  const Lock lock(mutex_);
  const Instant now = linux_runner::now();
  return finish(
      now, session_.send_data(now, datachannel::StreamId{frame->stream_id},
                              is_string ? datachannel::Kind::string : datachannel::Kind::binary,
                              message));
}

int DefaultPeer::create_data_channel(const esp_peer_data_channel_cfg_t* config) {
  if (!config || !config->label) return ESP_PEER_ERR_INVALID_ARG;
  datachannel::ChannelOptions options;
  options.label = config->label;
  options.ordered = config->ordered;
  switch (config->type) {
    case ESP_PEER_DATA_CHANNEL_RELIABLE:
      break;
    case ESP_PEER_DATA_CHANNEL_PARTIAL_RELIABLE_TIMEOUT:
      options.reliability = datachannel::Reliability::lifetime;
      options.limit = config->max_packet_lifetime;
      break;
    case ESP_PEER_DATA_CHANNEL_PARTIAL_RELIABLE_RETX:
      options.reliability = datachannel::Reliability::retransmits;
      options.limit = config->max_retransmit_count;
      break;
    default:
      return ESP_PEER_ERR_INVALID_ARG;
  }
  const Lock lock(mutex_);
  const Instant now = linux_runner::now();
  auto created = session_.create_channel(now, options);
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
  const int result = finish(now, session_.disconnect(now));
  waiter_.wake();
  tell_all(lock);  // what was still to be told of this connection, and its end, before we return
  return result;
}

int DefaultPeer::close() {
  {
    Lock lock(mutex_);
    closing_ = true;
    waiter_.wake();
    if (!in_own_loop()) loop_left_.wait(lock, [&] { return !in_loop_; });
  }
  disconnect();
  tell(peer::State::closed);
  return ESP_PEER_ERR_NONE;
}

int DefaultPeer::paired_addr(esp_peer_addr_t* addr) {
  const Lock lock(mutex_);
  const auto route = session_.paired();
  if (!route) return ESP_PEER_ERR_WRONG_STATE;
  *addr = to_c_address(route->remote);
  return ESP_PEER_ERR_NONE;
}

void DefaultPeer::query() {
  const Lock lock(mutex_);
  const auto route = session_.paired();
  const auto state = name_of(session_.state());
  std::fprintf(stderr, "esp_peer: %.*s", static_cast<int>(state.size()), state.data());
  if (route) {
    const auto local = ip_text(route->local), remote = ip_text(route->remote);
    std::fprintf(stderr, ", from %.*s port %u to %.*s port %u",
                 static_cast<int>(local.view().size()), local.view().data(), route->local.port,
                 static_cast<int>(remote.view().size()), remote.view().data(), route->remote.port);
  }
  std::fprintf(stderr, "\n");
}

// ---------------------------------------------------------------- the loop

int DefaultPeer::main_loop() {
  Lock lock(mutex_);
  if (in_loop_ || closing_) return ESP_PEER_ERR_WRONG_STATE;
  in_loop_ = true;
  loop_thread_ = std::this_thread::get_id();

  step(lock, linux_runner::now());
  if (news_.empty()) {
    wait(lock, linux_runner::now());
    const Instant now = linux_runner::now();
    receive(now);
    step(lock, now);
  }
  deliver(lock);

  in_loop_ = false;
  loop_left_.notify_all();
  return ESP_PEER_ERR_NONE;
}

void DefaultPeer::step(Lock& lock, Instant now) {
  take_resolved(now);
  if (const auto due = session_.next_deadline(); due && *due <= now) session_.on_deadline(now);
  transmit(now);
  handle_requests(lock, now);
  collect(now);
}

void DefaultPeer::transmit(Instant now) {
  thread_local TransmitScratch scratch;
  sockets_.flush();
  while (sockets_.can_send()) {
    TxBatch batch(scratch.room, scratch.runs);
    session_.poll_transmit(now, batch);
    if (batch.empty()) break;
    sockets_.send(batch);
  }
  if (blocked_ != !sockets_.can_send()) {
    blocked_ = !blocked_;
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
      waiter_.want_writable(sockets_.fd(i), blocked_);
    }
  }
}

void DefaultPeer::handle_requests(Lock& lock, Instant now) {
  while (const auto request = session_.poll_request()) {
    if (const auto* resolve_request = std::get_if<peer::Resolve>(&*request)) {
      resolve(resolve_request->id);
    } else if (std::holds_alternative<peer::OpenSockets>(*request)) {
      open_sockets(lock, now);
    } else {
      close_sockets();
    }
  }
}

void DefaultPeer::close_sockets() {
  ++attempt_;
  sockets_.close();
  blocked_ = false;
}

void DefaultPeer::open_sockets(Lock& lock, Instant now) {
  const std::uint32_t attempt = ++attempt_;
  linux_runner::InterfaceOptions options;
  options.ipv6 = config_.ipv6;
  options.loopback_only = config_.loopback_only;
  options.ctx = &config_;
  if (config_.interface_filter) {
    options.filter = [](const char* interface, const Address& address, void* ctx) {
      const auto& config = *static_cast<const Config*>(ctx);
      const esp_peer_addr_t c_address = to_c_address(address);
      return config.interface_filter(interface, &c_address, config.callbacks.ctx);
    };
  }
  lock.unlock();  // the filter is the application's
  const auto addresses = linux_runner::usable_addresses(options);
  lock.lock();
  if (attempt != attempt_) return;  // disconnected meanwhile
  const auto bound = sockets_.open(addresses);
  for (std::size_t i = 0; i < sockets_.size(); ++i) waiter_.add(sockets_.fd(i));
  session_.on_sockets(now, bound);
  transmit(now);
}

void DefaultPeer::resolve(std::uint32_t id) {
  resolver_.resolve(std::string(session_.server_name(id)), config_.ipv6,
                    [this, id](std::vector<Address> addresses) {
                      {
                        const std::lock_guard lock(resolved_mutex_);
                        resolved_.push_back({id, std::move(addresses)});
                      }
                      waiter_.wake();
                    });
}

void DefaultPeer::take_resolved(Instant now) {
  std::vector<Resolved> resolved;
  {
    const std::lock_guard lock(resolved_mutex_);
    resolved.swap(resolved_);
  }
  for (const Resolved& r : resolved) session_.on_resolved(now, r.id, r.addresses);
}

void DefaultPeer::receive(Instant now) {
  sockets_.receive([&](const Route& route, MutableBytes datagram) {
    session_.on_datagram(now, route, datagram);
    collect(now);
  });
}

// Events before the message behind them: a channel is open before it speaks. The session gives no
// message while it has an event, and no event that comes behind a message.
void DefaultPeer::collect(Instant now) {
  for (;;) {
    if (const auto event = session_.poll_event()) {
      note(*event);
    } else if (auto message = session_.read_message(now)) {
      news_.emplace_back(std::move(*message));
    } else if (const auto late = session_.poll_event()) {
      note(*late);  // reading had come to it
    } else {
      return;
    }
  }
}

void DefaultPeer::note(const peer::Event& event) {
  const auto label = [&](datachannel::StreamId stream) {
    return std::string(session_.channel_label(stream).value_or(""));
  };
  if (const auto* changed = std::get_if<peer::StateChanged>(&event)) {
    news_.emplace_back(changed->state);
  } else if (const auto* opened = std::get_if<peer::ChannelOpened>(&event)) {
    const auto id = static_cast<std::uint16_t>(opened->stream);
    news_.emplace_back(ChannelNews{true, label(opened->stream), id});
  } else if (const auto* closed = std::get_if<peer::ChannelClosed>(&event)) {
    const auto id = static_cast<std::uint16_t>(closed->stream);
    news_.emplace_back(ChannelNews{false, label(closed->stream), id});
  } else {
    news_.emplace_back(DescriptionNews{std::string(session_.local_description())});
  }
}

void DefaultPeer::wait(Lock& lock, Instant now) {
  Instant until = now + config_.loop_wait;
  if (const auto due = session_.next_deadline()) until = std::min(until, *due);
  sleeping_until_ = until;
  lock.unlock();
  waiter_.wait(now, until);
  lock.lock();
  sleeping_until_ = Instant::min();
}

// One by one: what another thread takes away by disconnecting is not told here any more.
void DefaultPeer::deliver(Lock& lock) {
  while (!news_.empty()) {
    const News news = std::move(news_.front());
    news_.pop_front();
    lock.unlock();
    tell(news);
    lock.lock();
  }
}

// All that there is, from this thread alone.
void DefaultPeer::tell_all(Lock& lock) {
  std::deque<News> mine;
  mine.swap(news_);
  lock.unlock();
  for (const News& news : mine) tell(news);
  lock.lock();
}

int DefaultPeer::finish(Instant now, const Status& status) {
  transmit(now);
  while (const auto request = session_.poll_request()) {
    // No command asks for sockets: that is done by the first deadline of an attempt, in the loop.
    if (const auto* resolve_request = std::get_if<peer::Resolve>(&*request)) {
      resolve(resolve_request->id);
    } else if (std::holds_alternative<peer::CloseSockets>(*request)) {
      close_sockets();
    }
  }
  collect(now);
  const auto due = session_.next_deadline();
  const bool sleeps = sleeping_until_ != Instant::min();
  if (sleeps && (!news_.empty() || blocked_ || (due && *due < sleeping_until_))) waiter_.wake();
  return to_c_error(status.code());
}

// ---------------------------------------------------------------- callbacks

void DefaultPeer::tell(const News& news) const {
  const esp_peer_cfg_t& c = config_.callbacks;
  if (const auto* state = std::get_if<peer::State>(&news)) {
    if (c.on_state) c.on_state(static_cast<esp_peer_state_t>(*state), c.ctx);
  } else if (const auto* description = std::get_if<DescriptionNews>(&news)) {
    if (!c.on_msg) return;
    std::string text = description->sdp;
    esp_peer_msg_t message{};
    message.type = ESP_PEER_MSG_TYPE_SDP;
    message.data = reinterpret_cast<uint8_t*>(text.data());
    message.size = static_cast<int>(text.size());
    c.on_msg(&message, c.ctx);
  } else if (const auto* channel = std::get_if<ChannelNews>(&news)) {
    esp_peer_data_channel_info_t info{channel->label.c_str(), channel->stream};
    const auto callback = channel->open ? c.on_channel_open : c.on_channel_close;
    if (callback) callback(&info, c.ctx);
  } else if (const auto* message = std::get_if<datachannel::Message>(&news)) {
    if (!c.on_data) return;
    esp_peer_data_frame_t frame{};
    frame.type = message->kind == datachannel::Kind::string ? ESP_PEER_DATA_CHANNEL_STRING
                                                            : ESP_PEER_DATA_CHANNEL_DATA;
    frame.stream_id = static_cast<uint16_t>(message->stream);
    // The application may change what is in its hands; the buffer ends with a zero byte.
    frame.data = reinterpret_cast<uint8_t*>(const_cast<std::byte*>(message->body.bytes().data()));
    frame.size = static_cast<int>(message->body.size());
    c.on_data(&frame, c.ctx);
  }
}

}  // namespace esp_peer::capi
