#include "turn/client.hpp"

#include <utility>

#include "stun/xor_address.hpp"

namespace esp_peer::turn {
namespace {

constexpr std::uint32_t transport_udp = 17u << 24;  // REQUESTED-TRANSPORT [rfc8656#18.8]
// Farewell is said a few times at most; the server forgets us anyway.
constexpr stun::Schedule farewell{.requests = 3, .last_wait = 2};
// [rfc8489#6.2.2] Over a stream: Ti.
constexpr stun::Schedule over_stream{.rto = milliseconds(39'500), .requests = 1, .last_wait = 1};
// [rfc8656#8.3, #7.3] An answer without LIFETIME does not hold what the RFC asks for; what it means
// is the default.
constexpr Duration default_lifetime = seconds(600);
constexpr Duration after_no_capacity = seconds(60);  // [rfc8656#7.4]

bool usable(const std::optional<Address>& address) {
  return address && address->port != 0 && !address->is_unspecified();
}

std::size_t padding(std::size_t size) { return (4 - size % 4) % 4; }

}  // namespace

Client::Client(const Options& options, const Address& server, crypto::Provider& crypto, Env env)
    : options_(options),
      server_(server),
      env_(env),
      credential_(crypto, env.memory),
      permissions_(env.memory, options.max_peers),
      channels_(env.memory, options.max_channels) {}

Status Client::allocate(Instant now, std::string_view username, std::string_view password) {
  if (state_ != State::idle) return Error{Errc::wrong_state, "one allocation, once"};
  if (const Status given = credential_.assign(username, password); !given) return given;
  state_ = State::allocating;
  allocation_.want();
  advance(now);
  return {};
}

Status Client::permit(Instant now, const Address& peer) {
  if (state_ >= State::closing) return Error{Errc::wrong_state, "no allocation"};
  if (peer.is_unspecified()) return Error{Errc::invalid_argument, "no address of a peer"};
  if (allocated() && !relayed(family_of(peer))) {
    return Error{Errc::unsupported, "a peer of a family that is not relayed"};
  }
  const auto permission = permissions_.open(peer);
  if (!permission) return permission.error();
  advance(now);
  return {};
}

Status Client::bind(Instant now, const Address& peer) {
  if (const Status permitted = permit(now, peer); !permitted) return permitted;
  const auto channel = channels_.open(now, peer);
  if (!channel) return channel.error();
  advance(now);
  return {};
}

void Client::forget(Instant now, const Address& peer) {
  permissions_.give_up(peer);
  channels_.give_up(now, peer);
  advance(now);
}

void Client::close(Instant now) {
  // While it is asked for, the server may have it already.
  const bool may_be_there = state_ == State::allocating && allocation_.transaction.is_signed;
  if (state_ == State::allocated || may_be_there) {
    give_back(now);
  } else if (state_ != State::closing) {
    fall_silent();
  }
  events_.clear();
}

std::optional<Relayed> Client::on_message(Instant now, MutableBytes message) {
  if (state_ == State::ended || state_ == State::idle) return std::nullopt;
  if (is_channel_data(message)) return on_channel_data(now, message);
  const auto m = parse(message);
  if (!m) {
    drop(now, "not a TURN message", message.size());
    return std::nullopt;
  }
  if (m->stun.kind == stun::Class::indication) {
    auto relayed = on_data(now, *m);
    if (relayed) {
      const auto at = static_cast<std::size_t>(m->data->data() - message.data());
      relayed->payload = message.subspan(at, m->data->size());
    } else {
      drop(now, "a useless indication", message.size());
    }
    return relayed;
  }
  const Asking asked = m->stun.kind == stun::Class::request ? Asking{} : find(*m);
  if (asked) {
    on_response(now, asked, *m);
  } else {
    drop(now, "an answer to nothing", message.size());
  }
  return std::nullopt;
}

void Client::on_stream_closed(Instant now) {
  if (state_ == State::idle || state_ == State::closing) fall_silent();
  if (state_ != State::ended) end(now, Failure::stream_closed, 0);
}

void Client::on_deadline(Instant now) {
  for (std::size_t i = 0; const Asking asked = asking(i); ++i) {
    if (asked.lease->on_deadline(now) == stun::Retransmission::Step::timed_out) {
      on_timeout(now, asked);
    }
  }
  if (next_sign_of_life_ <= now) {
    next_sign_of_life_ = now + keepalive;
    sign_of_life_due_ = true;
  }
  if (allocated() && !allocation_.held(now)) end(now, Failure::timeout, 0);
  advance(now);
}

std::size_t Client::write_request(Instant now, MutableBytes out) {
  for (std::size_t i = 0; const Asking asked = asking(i); ++i) {
    Transaction& transaction = asked.lease->transaction;
    if (!transaction.to_write) continue;
    transaction.to_write = false;
    transaction.is_signed = credential_.challenged();
    if (asked.channel) asked.channel->asked_at = now;
    if (const std::size_t size = write(asked, out)) return size;
    drop(now, "a request that does not fit", out.size());
  }
  if (!std::exchange(sign_of_life_due_, false)) return 0;
  const auto id = stun::new_transaction_id(env_.random);
  return stun::Builder(out, stun::Class::indication, stun::binding, id).finish();
}

std::size_t Client::wrap(Instant now, const Address& peer, Bytes payload, MutableBytes out) {
  if (!may_send(now, peer) || payload.size() > 0xFFFF) return 0;
  const Channel* channel = channels_.find(peer);
  return channel && channel->lease.held(now) ? wrap_in_channel(channel->number, payload, out)
                                             : wrap_in_indication(peer, payload, out);
}

std::optional<Client::Event> Client::poll_event() {
  if (events_.empty()) return std::nullopt;
  const Event event = events_[0];
  events_.erase(0);
  return event;
}

std::optional<Instant> Client::next_deadline() const {
  Instant next = std::min(allocation_.next_deadline(), next_sign_of_life_);
  if (allocated()) next = std::min(next, allocation_.expires());
  for (const Permission& p : permissions_) next = std::min(next, p.lease.next_deadline());
  for (const Channel& c : channels_) next = std::min(next, c.lease.next_deadline());
  return next == Lease::never ? std::nullopt : std::optional(next);
}

std::optional<Address> Client::relayed(Family family) const {
  return family == Family::v4 ? relayed_v4_ : relayed_v6_;
}

// [rfc8656#11.1]
bool Client::may_send(Instant now, const Address& peer) const {
  const Permission* permission = permissions_.find(peer);
  return allocated() && permission && permission->lease.held(now);
}

bool Client::awaits(const Address& peer) const {
  const Permission* permission = permissions_.find(peer);
  return permission && (permission->lease.wanted() || permission->lease.transaction.running);
}

bool Client::bound(Instant now, const Address& peer) const {
  for (const Channel& c : channels_) {
    if (c.peer == peer) return allocated() && c.lease.held(now);
  }
  return false;
}

void Client::hash_state(StateHash& hash) const {
  hash.add(server_);
  credential_.hash_state(hash);
  hash.add(state_);
  allocation_.hash_state(hash);
  hash.add(relayed_v4_.value_or(Address{}));
  hash.add(relayed_v6_.value_or(Address{}));
  permissions_.hash_state(hash);
  channels_.hash_state(hash);
  for (const Address& server : left_) hash.add(server);
  hash.add(events_.size());
  hash.add(next_sign_of_life_);
  hash.add(sign_of_life_due_);
  hash.add(last_error_);
  hash.add(one_at_a_time_);
}

// [rfc8656#12.6] A number may come into use before we hear that it is bound [rfc8656#12].
std::optional<Relayed> Client::on_channel_data(Instant now, MutableBytes message) {
  const auto data = parse_channel_data(message);
  const Channel* channel = data ? channels_.find(data->channel) : nullptr;
  std::optional<Relayed> relayed;
  if (channel && channel->asked_at) relayed = relayed_from(now, channel->peer, data->payload);
  if (!relayed) drop(now, "data of no channel", message.size());
  return relayed;
}

// [rfc8656#11.4]
std::optional<Relayed> Client::on_data(Instant now, const Message& message) {
  if (message.stun.method != method::data || !message.peer || !message.data ||
      !message.knows_all_required) {
    return std::nullopt;
  }
  return relayed_from(now, *message.peer, {});
}

std::optional<Relayed> Client::relayed_from(Instant now, const Address& peer,
                                            MutableBytes payload) {
  const auto address = relayed(family_of(peer));
  if (!address || !may_send(now, peer)) return std::nullopt;
  return Relayed{*address, peer, payload};
}

// [rfc8489#9.2.5]
void Client::on_response(Instant now, const Asking& asked, const Message& response) {
  Transaction& transaction = asked.lease->transaction;
  const bool failed = response.stun.kind == stun::Class::error;
  const std::uint16_t code = failed ? response.stun.error_code.value_or(0) : std::uint16_t{0};
  if (failed && code == 0) return drop(now, "an error without its code", 0);
  if (code == error::unauthenticated || code == error::stale_nonce) {
    return on_challenge(now, asked, response);
  }
  if (Credential::is_bid_down(response)) return drop(now, "fewer features than the nonce says", 0);
  // What nobody has signed is believed in one case: a request that was not signed either is
  // refused. exception: [rfc8656#7.2] an allocation for whom was not asked for a name is not.
  const bool refusal_unsigned = !transaction.is_signed && failed && code != error::bad_request;
  if (!refusal_unsigned && !credential_.signs(response.stun)) {
    transaction.forged = true;
    drop(now, "an answer that the server has not signed", 0);
    // [rfc8489#9.2.5] Over a stream there will be no other.
    if (options_.stream) give_up(now, asked, Failure::integrity, 0);
    return;
  }
  if (failed) return on_error(now, asked, response, code);
  // [rfc8489#6.3.3]
  if (!response.knows_all_required) return give_up(now, asked, Failure::malformed, 0);
  on_success(now, asked, response);
}

void Client::on_challenge(Instant now, const Asking& asked, const Message& response) {
  Transaction& transaction = asked.lease->transaction;
  last_error_ = *response.stun.error_code;
  if (transaction.challenges == Transaction::max_challenges ||
      !credential_.on_challenge(response)) {
    return give_up(now, asked, Failure::unauthenticated, last_error_);
  }
  // The first one is due, and a second one may be.
  if (++transaction.challenges > 2) one_at_a_time_ = true;
  transaction.stop();
  asked.lease->want();
  advance(now);
}

// [rfc8489#10]
void Client::on_redirection(Instant now, const Message& response) {
  const auto& to = server_.is_v4() ? response.alternate_v4 : response.alternate_v6;
  bool known = to == server_;
  for (const Address& server : left_) known = known || to == server;
  if (known || !usable(to) || to->is_loopback() != server_.is_loopback() ||
      !left_.push_back(server_)) {
    return end(now, Failure::redirected, error::try_alternate);
  }
  if (options_.stream) {
    fall_silent();
    events_.push_back(Redirected{*to});
    return;
  }
  server_ = *to;
  credential_.forget_challenge();
  allocation_.end();
  allocation_.want();
  advance(now);
}

void Client::on_success(Instant now, const Asking& asked, const Message& response) {
  if (state_ == State::closing) return fall_silent();
  if (asked.permission) {
    asked.lease->on_granted(now, Permissions::lifetime);
  } else if (asked.channel) {
    asked.lease->on_granted(now, Channels::lifetime);
    // [rfc8656#12.3] Its permission with it.
    if (Permission* p = permissions_.find(asked.channel->peer)) {
      p->lease.on_granted(now, Permissions::lifetime);
    }
  } else {
    const Duration lifetime = response.lifetime ? seconds(*response.lifetime) : default_lifetime;
    if (lifetime == Duration{}) return give_up(now, asked, Failure::malformed, 0);
    if (state_ == State::allocating && !on_allocated(now, response)) return;
    asked.lease->on_granted(now, std::clamp(lifetime, min_lifetime, max_lifetime));
  }
  advance(now);
}

// [rfc8656#7.3] False where the allocation is not what we can use.
bool Client::on_allocated(Instant now, const Message& response) {
  const bool wants_v4 = options_.families != Families::v6;
  const bool wants_v6 = options_.families != Families::v4;
  const auto& v4 = response.relayed_v4;
  const auto& v6 = response.relayed_v6;
  if ((v4 && (!wants_v4 || !usable(v4))) || (v6 && (!wants_v6 || !usable(v6))) || (!v4 && !v6)) {
    give_back(now);
    say(now, Failed{Failure::malformed, 0});
    return false;
  }
  state_ = State::allocated;
  relayed_v4_ = v4;
  relayed_v6_ = v6;
  if (!options_.stream) next_sign_of_life_ = now + keepalive;
  const Allocated allocated{v4, v6, response.stun.mapped};
  env_.trace(now, allocated);
  events_.push_back(allocated);
  return true;
}

void Client::on_error(Instant now, const Asking& asked, const Message& response,
                      std::uint16_t code) {
  last_error_ = code;
  if (code == error::try_alternate && state_ == State::allocating) {
    return on_redirection(now, response);
  }
  // [rfc8656#5] Whatever was asked: there is no allocation any more.
  if (code == error::allocation_mismatch && state_ == State::allocated) {
    return end(now, Failure::refused, code);
  }
  if (code == error::insufficient_capacity && (asked.permission || asked.channel)) {
    asked.lease->ask_later(now + after_no_capacity);
    return advance(now);
  }
  // exception: [rfc8656#12.3] a channel that is refused, also by 400, costs its peer 32 bytes a
  // datagram, and not all peers the allocation.
  give_up(now, asked, Failure::refused, code);
}

void Client::on_timeout(Instant now, const Asking& asked) {
  if (state_ != State::allocated) {
    const bool forged = asked.lease->transaction.forged;
    return give_up(now, asked, forged ? Failure::integrity : Failure::timeout, 0);
  }
  // As long as it is held there is still time; advance() begins at once.
  if (asked.lease->held(now)) {
    asked.lease->on_refused();
    asked.lease->want();
  } else {
    asked.lease->ask_later(now + Lease::pause);
  }
}

void Client::give_up(Instant now, const Asking& asked, Failure why, std::uint16_t code) {
  if (state_ == State::closing) return fall_silent();
  if (!asked.permission && !asked.channel) return end(now, why, code);
  asked.lease->on_refused();
  advance(now);
}

void Client::advance(Instant now) {
  std::size_t running = 0;
  for (std::size_t i = 0; const Asking asked = asking(i); ++i) {
    running += asked.lease->transaction.running;
  }
  const std::size_t most = one_at_a_time_ ? 1 : max_running;
  for (std::size_t i = 0; const Asking asked = asking(i); ++i) {
    if (!asked.lease->wanted()) continue;
    if (asked.permission && !relayed(family_of(asked.permission->peer))) {
      asked.lease->end();  // it came before we knew which families there would be
    } else if (running < most) {
      ++running;
      asked.lease->start(now, schedule(), env_.random);
    }
  }
}

void Client::end(Instant now, Failure why, std::uint16_t code) {
  const bool was_there = state_ == State::allocated;
  fall_silent();
  was_there ? say(now, Lost{why, code}) : say(now, Failed{why, code});
}

void Client::give_back(Instant now) {
  state_ = State::closing;
  be_quiet();
  permissions_.clear();
  channels_.clear();
  allocation_.end();
  allocation_.want();
  advance(now);
}

void Client::fall_silent() {
  state_ = State::ended;
  be_quiet();
  permissions_.clear();
  channels_.clear();
  allocation_.end();
  relayed_v4_.reset();
  relayed_v6_.reset();
}

void Client::be_quiet() {
  next_sign_of_life_ = Lease::never;
  sign_of_life_due_ = false;
}

std::size_t Client::write(const Asking& asking, MutableBytes out) {
  stun::Builder request(out, stun::Class::request, asking.method, asking.lease->transaction.id);
  if (asking.method == method::allocate) {
    write_u32(request, Attribute::requested_transport, transport_udp);
    // [rfc8656#7.1] Never both.
    if (options_.families == Families::v6) {
      write_family(request, Attribute::requested_address_family, Family::v6);
    } else if (options_.families == Families::both) {
      write_family(request, Attribute::additional_address_family, Family::v6);
    }
  } else if (asking.method == method::refresh) {
    if (state_ == State::closing) write_u32(request, Attribute::lifetime, 0);
  } else {
    if (asking.channel) {
      write_u32(request, Attribute::channel_number,
                static_cast<std::uint32_t>(asking.channel->number) << 16);
    }
    request.xor_address(static_cast<std::uint16_t>(Attribute::xor_peer_address),
                        asking.channel ? asking.channel->peer : asking.permission->peer);
  }
  // A copy that is sent again carries the newest nonce.
  credential_.sign(request);
  return request.finish();
}

// [rfc8656#12.5]
std::size_t Client::wrap_in_channel(ChannelNumber number, Bytes payload, MutableBytes out) const {
  const std::size_t pad = options_.stream ? padding(payload.size()) : 0;
  if (out.size() < channel_data_header + payload.size() + pad) return 0;
  copy_bytes(payload, out.subspan(channel_data_header));  // it may stand there
  Writer w(out);
  w.u16(number);
  w.u16(static_cast<std::uint16_t>(payload.size()));
  w.take(payload.size());
  w.zeros(pad);
  return w.size();
}

// [rfc8656#11.1]
std::size_t Client::wrap_in_indication(const Address& peer, Bytes payload, MutableBytes out) {
  const std::size_t address = peer.is_v4() ? 8 : 20;
  const std::size_t front = stun::header_size + 4 + address + 4;
  const std::size_t size = front + payload.size() + padding(payload.size());
  if (out.size() < size || size - stun::header_size > 0xFFFF) return 0;
  copy_bytes(payload, out.subspan(front));
  const auto id = stun::new_transaction_id(env_.random);
  Writer w(out);
  w.u16(method::send | 0x0010);  // an indication [rfc8489#5]
  w.u16(static_cast<std::uint16_t>(size - stun::header_size));
  w.u32(stun::magic_cookie);
  w.bytes(id);
  w.u16(static_cast<std::uint16_t>(Attribute::xor_peer_address));
  w.u16(static_cast<std::uint16_t>(address));
  stun::write_xor_address(w, peer, id);
  w.u16(static_cast<std::uint16_t>(Attribute::data));
  w.u16(static_cast<std::uint16_t>(payload.size()));
  w.take(payload.size());
  w.pad_to_multiple_of(4);
  return w.size();
}

// While there is no allocation yet, or none any more, the rest waits.
Client::Asking Client::asking(std::size_t index) {
  if (state_ == State::idle || state_ == State::ended) return {};
  if (index == 0) {
    const bool allocating = state_ == State::allocating;
    return {allocating ? method::allocate : method::refresh, &allocation_};
  }
  if (state_ != State::allocated) return {};
  if (--index < permissions_.size()) {
    Permission& permission = permissions_[index];
    return {method::create_permission, &permission.lease, &permission};
  }
  index -= permissions_.size();
  if (index >= channels_.size()) return {};
  Channel& channel = channels_[index];
  return {method::channel_bind, &channel.lease, nullptr, &channel};
}

Client::Asking Client::find(const Message& response) {
  for (std::size_t i = 0; const Asking asked = asking(i); ++i) {
    const Transaction& t = asked.lease->transaction;
    if (t.running && t.id == response.stun.id && asked.method == response.stun.method) {
      return asked;
    }
  }
  return {};
}

stun::Schedule Client::schedule() const {
  if (options_.stream) return over_stream;
  return state_ == State::closing ? farewell : stun::Schedule{};
}

void Client::say(Instant now, const Failed& failed) {
  failure_ = failed.why;
  env_.trace(now, failed);
  events_.push_back(failed);
}

void Client::say(Instant now, const Lost& lost) {
  failure_ = lost.why;
  env_.trace(now, lost);
  events_.push_back(lost);
}

void Client::drop(Instant now, const char* why, std::size_t size) const {
  env_.trace(now, PacketDropped{"turn", why, size});
}

}  // namespace esp_peer::turn
