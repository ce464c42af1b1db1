#include "datachannel/channels.hpp"

#include <algorithm>

#include "datachannel/ppid.hpp"

namespace esp_peer::datachannel {

using State = Channel::State;

namespace {

// [rfc8841#6.1] An OPEN is a message too.
bool exceeds_peer(const Options& options, std::size_t size) {
  return options.max_message_size != 0 && size > options.max_message_size;
}

}  // namespace

Channels::Channels(const Options& options, bool even_streams, sctp::Association& association,
                   Env env)
    : options_(options),
      even_streams_(even_streams),
      association_(association),
      env_(env),
      table_(options.max_channels, options.max_open_bytes, env.memory),
      next_stream_(first_stream()) {}

// ---------------------------------------------------------------- commands

Result<StreamId> Channels::open(Instant now, const ChannelOptions& options) {
  table_.forget_closed();
  if (ended_ || !association_.connected()) return Error{Errc::wrong_state, "no association"};
  if (options.label.size() > max_name || options.protocol.size() > max_name) {
    return Error{Errc::invalid_argument, "label or protocol above 65,535 bytes"};
  }
  if (options.negotiated) return open_negotiated(options);
  const auto unused = unused_stream();
  if (!unused) return Error{Errc::over_limit, "no stream is left"};
  const StreamId stream = *unused;
  auto added = add(stream, options);
  if (!added) return added.error();
  Channel* const channel = *added;

  const Status sent = association_.send(now, stream, ppid::dcep, channel->open_message.bytes(), {});
  if (!sent && sent.code() != Errc::would_block) {
    table_.remove_last();
    return sent.error();
  }
  channel->owes_open = !sent;
  debts_ += channel->owes_open ? 1 : 0;
  next_stream_ = static_cast<std::uint16_t>(stream) + 2u;
  return stream;
}

Result<StreamId> Channels::open_negotiated(const ChannelOptions& options) {
  const StreamId stream = *options.negotiated;
  if (static_cast<std::uint16_t>(stream) == no_stream || table_.is_used(stream) ||
      association_.is_resetting(stream)) {
    return Error{Errc::invalid_argument, "a negotiated stream that is in use, or none"};
  }
  if (static_cast<std::uint16_t>(stream) >= association_.outbound_streams()) {
    return Error{Errc::over_limit, "a stream that the peer does not have"};
  }
  auto added = add(stream, options);
  if (!added) return added.error();
  set_open(**added);
  return stream;
}

// With its OPEN message, from which its label is read, said or not.
Result<Channel*> Channels::add(StreamId stream, const ChannelOptions& options) {
  const std::size_t size = open_header_size + options.label.size() + options.protocol.size();
  if (!table_.has_room_for(size)) return Error{Errc::over_limit, "too many channels"};
  if (!options.negotiated && exceeds_peer(options_, size)) {
    return Error{Errc::over_limit, "an OPEN above the peer's a=max-message-size"};
  }
  Buffer message = Buffer::with_size(env_.memory, size);
  if (!message) return Error{Errc::no_memory, "no room for a channel"};
  write_open({options.ordered, options.reliability, options.priority, options.limit, options.label,
              options.protocol},
             message.bytes());
  Channel* const channel = table_.add(stream, std::move(message));
  if (!channel) return Error{Errc::no_memory, "no room for a channel"};
  channel->how = {!options.ordered, options.reliability, options.limit};
  return channel;
}

// One of our parity that was never used, while there are any; then again those that were reset in
// both directions, in their turn.
std::optional<StreamId> Channels::unused_stream() const {
  const std::uint32_t end = std::min<std::uint32_t>(association_.outbound_streams(), no_stream);
  std::uint32_t next = next_stream_;
  for (std::uint32_t n = 0; n < end; n += 2, next += 2) {
    if (next >= end && !association_.can_reset()) break;
    if (next >= end) next = first_stream();
    const StreamId stream{static_cast<std::uint16_t>(next)};
    if (next < end && !table_.is_used(stream) && !association_.is_resetting(stream)) return stream;
  }
  return std::nullopt;
}

Status Channels::close(Instant now, std::string_view label) {
  table_.forget_closed();
  bool found = false;
  for (Channel& c : table_) {
    if (!c.is_live() || c.label() != label) continue;
    found = true;
    begin_closing(now, c, false);
  }
  return found ? Status() : Status(Error{Errc::not_found, "no channel of this label"});
}

Status Channels::send(Instant now, StreamId stream, Kind kind, Bytes message) {
  table_.forget_closed();
  if (exceeds_peer(options_, message.size())) {
    return Error{Errc::over_limit, "message above the peer's a=max-message-size"};
  }
  pay_debts(now);
  const Channel* channel = table_.find(stream);
  if (!channel) return Error{Errc::not_found, "no channel on this stream"};
  if (channel->owes_open) return Error{Errc::would_block, "its OPEN is still waiting"};
  // [rfc8832#6] In order until the peer has answered: nothing may overtake the OPEN.
  sctp::SendOptions how = channel->how;
  how.unordered = how.unordered && channel->state == State::open;
  const bool is_string = kind == Kind::string;
  if (!message.empty()) {
    return association_.send(now, stream, is_string ? ppid::string : ppid::binary, message, how);
  }
  // [rfc8831#6.6] SCTP cannot send nothing: one zero byte, and a PPID that says to ignore it.
  constexpr std::byte nothing[] = {std::byte{0}};
  return association_.send(now, stream, is_string ? ppid::string_empty : ppid::binary_empty,
                           nothing, how);
}

void Channels::end(Instant) {
  ended_ = true;
  for (Channel& c : table_) shut(c, State::closed);
}

// ---------------------------------------------------------------- outputs

void Channels::process(Instant now) {
  if (ended_) return;
  pay_debts(now);
  // What is of the new association comes behind all that there is to tell of the old one.
  while (!held_ && !say_restarted_) {
    auto message = association_.read_message(now);
    if (!message) break;
    take(now, std::move(*message));
  }
  if (closing_ != 0) finish_closing();
}

std::optional<Channels::Event> Channels::poll_event() {
  if (!news_) return std::nullopt;
  Channel* first = nullptr;
  for (Channel& c : table_) {
    if (c.untold_open && (!first || c.nth < first->nth)) first = &c;
  }
  if (first) {
    // A stream that is opened anew has been closed before, and that is told before.
    for (Channel& c : table_) {
      if (c.stream != first->stream || c.untold_open) continue;
      if (std::exchange(c.untold_close, false)) return ChannelClosed{c.stream};
    }
    first->untold_open = false;
    return Opened{first->stream, first->by_peer};
  }
  for (Channel& c : table_) {
    if (std::exchange(c.untold_close, false)) return ChannelClosed{c.stream};
  }
  news_ = false;
  if (std::exchange(say_restarted_, false)) return Restarted{};
  return std::nullopt;
}

std::optional<Message> Channels::read_message(Instant now) {
  process(now);
  if (!held_) return std::nullopt;
  const Channel* channel = table_.find(held_->stream);
  if (channel && channel->untold_open) return std::nullopt;
  auto message = std::exchange(held_, std::nullopt);
  process(now);
  return message;
}

// ---------------------------------------------------------------- questions

std::optional<std::string_view> Channels::label(StreamId stream) const {
  const Channel* channel = table_.last_on(stream);
  return channel ? std::optional(channel->label()) : std::nullopt;
}

bool Channels::is_open(StreamId stream) const {
  const Channel* channel = table_.find(stream);
  return channel && channel->state == State::open;
}

std::optional<StreamId> Channels::first_open() const {
  const Channel* first = nullptr;
  for (const Channel& c : table_) {
    if (c.state == State::open && (!first || c.nth < first->nth)) first = &c;
  }
  return first ? std::optional(first->stream) : std::nullopt;
}

void Channels::hash_state(StateHash& hash) const {
  table_.hash_state(hash);
  hash.add(held_.has_value());
  if (held_) {
    hash.add(held_->stream);
    hash.add(held_->kind);
    hash.add(held_->body.bytes());
  }
  hash.add(next_stream_);
  hash.add(opened_);
  hash.add(ended_);
  hash.add(closing_);
}

// ---------------------------------------------------------------- messages of the peer

void Channels::take(Instant now, sctp::Message message) {
  if (message.restart) return on_restart();
  if (message.reset) return on_reset(now, message.stream);
  if (message.ppid == ppid::dcep) return on_dcep(now, std::move(message));
  on_user_message(now, std::move(message));
}

void Channels::on_dcep(Instant now, sctp::Message message) {
  if (is_ack(message.body.bytes())) return on_ack(now, message.stream);
  on_open(now, std::move(message));
}

void Channels::on_open(Instant now, sctp::Message message) {
  table_.forget_closed();
  const auto open = parse_open(message.body.bytes());
  const std::size_t size = message.body.size();
  // [rfc8832#5.1] What the opener chose holds in both directions.
  const auto how = open ? sctp::SendOptions{!open->ordered, open->reliability, open->limit}
                        : sctp::SendOptions{};
  const char* why = open ? why_refused(message.stream, size) : "neither OPEN nor ACK, or malformed";
  const StreamId stream = message.stream;
  if (why) return refuse(now, stream, why, size);
  // The peer has reset its side and knows that we have ours, before we do.
  if (Channel* before = table_.find_closing(stream)) set_closed(*before);
  Channel* channel = table_.add(stream, std::move(message.body));
  if (!channel) return refuse(now, stream, "no memory for a channel", size);
  channel->by_peer = true;
  channel->how = how;
  channel->owes_ack = true;
  ++debts_;
  set_open(*channel);
  pay_debts(now);
}

void Channels::on_ack(Instant now, StreamId stream) {
  Channel* channel = table_.find(stream);
  if (!channel || channel->by_peer || channel->owes_open) return drop(now, "ACK of no OPEN", 1);
  if (channel->state == State::opening) set_open(*channel);
}

void Channels::on_user_message(Instant now, sctp::Message message) {
  using namespace ppid;
  const std::size_t size = message.body.size();
  Channel* channel = table_.find(message.stream);
  // [rfc8832#6] Until it is answered an opener sends in order, behind its OPEN: what comes before
  // an OPEN is a mistake, and is not kept for one. Nor is its stream reset: it may be that of a
  // negotiated channel, which is still to be created here.
  if (!channel && table_.find_closing(message.stream)) {
    return drop(now, "message on a channel that was closed", size);
  }
  if (!channel || channel->owes_open) return drop(now, "message on no channel", size);
  const bool is_string = message.ppid == string || message.ppid == string_empty;
  const bool is_empty = message.ppid == string_empty || message.ppid == binary_empty;
  const bool is_part = message.ppid == string_part || message.ppid == binary_part;
  if (!is_string && !is_empty && !is_part && message.ppid != binary) {
    return drop(now, "message of an unknown PPID", size);
  }
  // A peer that speaks has heard the OPEN, even if its ACK comes later.
  if (channel->state == State::opening) set_open(*channel);
  // Nobody sends parts any more, and half a message must not pass for a whole one.
  const bool ends_parts = channel->skips_parts && !is_part && !is_empty;
  if (is_part || ends_parts) {
    channel->skips_parts = is_part;
    return drop(now, "message in deprecated parts", size);
  }
  if (is_empty) message.body.shrink(0);
  held_ = Message{message.stream, is_string ? Kind::string : Kind::binary, std::move(message.body)};
}

// [rfc8831#6.7] The peer closes: so do we.
void Channels::on_reset(Instant now, StreamId stream) {
  Channel* channel = table_.find(stream);
  if (channel) begin_closing(now, *channel, true);
  Channel* closing = table_.find_closing(stream);
  if (!closing) return drop(now, "reset of no channel", 0);
  closing->peer_reset = true;
}

// [rfc9260#5.2.4] The peer knows none of them any more, nor of any stream that was used. One that
// it never answered will not open, and its owner hears that.
void Channels::on_restart() {
  for (Channel& c : table_) {
    const bool was_live = c.is_live();
    shut(c, State::closed);
    c.untold_close = c.untold_close || was_live;
    c.owes_reset = false;
    c.state = State::closed;
  }
  debts_ = closing_ = 0;
  next_stream_ = first_stream();
  say_restarted_ = news_ = true;
}

void Channels::set_open(Channel& channel) {
  channel.state = State::open;
  channel.nth = opened_++;
  if (channel.how.reliability != Reliability::reliable) association_.may_lose(channel.stream);
  channel.untold_open = news_ = true;
}

void Channels::shut(Channel& channel, State as) {
  if (!channel.is_live()) return;
  if (held_ && held_->stream == channel.stream) held_.reset();
  if (channel.owes_open || channel.owes_ack) --debts_;
  channel.untold_close = channel.state == State::open;
  news_ = true;
  table_.close(channel, as);
}

// What was taken for it goes out, then our side of the stream is reset [rfc8831#6.7].
// exception: towards a peer that cannot reset streams a close is local: its messages are dropped.
void Channels::begin_closing(Instant now, Channel& channel, bool by_peer) {
  // Where nothing was said of it yet, nothing will be.
  const bool silent = channel.owes_open || !association_.can_reset();
  shut(channel, silent ? State::closed : State::closing);
  // One that never opened is missed by its owner, unless it was the owner who closed it.
  channel.untold_close = channel.untold_close || by_peer;
  if (silent) return;
  ++closing_;
  channel.owes_reset = !association_.reset_stream(now, channel.stream);
  debts_ += channel.owes_reset ? 1 : 0;
}

// [rfc8831#6.7] A stream can be used again when both directions have been reset.
void Channels::finish_closing() {
  for (Channel& c : table_) {
    const bool over = c.state == State::closing && c.peer_reset && !c.owes_reset &&
                      !association_.is_resetting(c.stream);
    if (over) set_closed(c);
  }
}

void Channels::set_closed(Channel& channel) {
  if (channel.owes_reset) --debts_;
  channel.owes_reset = false;
  table_.close(channel);
  --closing_;
}

// [rfc8832#6] What is no channel, and cannot become one, is closed.
void Channels::refuse(Instant now, StreamId stream, const char* why, std::size_t size) {
  drop(now, why, size);
  if (Channel* channel = table_.find(stream)) return begin_closing(now, *channel, true);
  const bool is_closing = table_.find_closing(stream) != nullptr;
  const bool exists = static_cast<std::uint16_t>(stream) < association_.outbound_streams();
  if (!is_closing && exists) static_cast<void>(association_.reset_stream(now, stream));
}

// OPEN and ACK that the association had no room for before.
void Channels::pay_debts(Instant now) {
  if (debts_ == 0) return;
  for (Channel& c : table_) {
    if (c.owes_reset && association_.reset_stream(now, c.stream)) {
      c.owes_reset = false;
      --debts_;
    }
    if (!c.owes_open && !c.owes_ack) continue;
    // The stream of the channel before it is not through yet.
    if (association_.is_resetting(c.stream)) continue;
    const Bytes ack(&ack_message, 1);
    const Bytes message = c.owes_open ? Bytes(c.open_message.bytes()) : ack;
    const Status sent = association_.send(now, c.stream, ppid::dcep, message, {});
    // An ACK on a stream that the peer itself cannot hear will never go out; the others will.
    if (!sent && sent.code() != Errc::over_limit) return;
    c.owes_open = c.owes_ack = false;
    --debts_;
  }
}

bool Channels::is_of_peer(StreamId stream) const {
  const bool even = static_cast<std::uint16_t>(stream) % 2 == 0;
  return even != even_streams_ && static_cast<std::uint16_t>(stream) != no_stream;
}

const char* Channels::why_refused(StreamId stream, std::size_t open_size) {
  if (!is_of_peer(stream)) return "OPEN on a stream that is not the peer's to open";
  if (table_.find(stream)) return "OPEN on an open stream";
  const Channel* closing = table_.find_closing(stream);
  if (closing && !closing->peer_reset) return "OPEN on a stream that was not reset";
  if (!table_.has_room_for(open_size)) return "OPEN of one channel too many";
  return nullptr;
}

void Channels::drop(Instant now, const char* why, std::size_t size) const {
  env_.trace(now, PacketDropped{"datachannel", why, size});
}

}  // namespace esp_peer::datachannel
