#include "datachannel/channels.hpp"

namespace esp_peer::datachannel {
namespace {

// [rfc8831#8] PPIDs. The partial ones, 52 and 54, are deprecated and not taken.
constexpr sctp::Ppid dcep{50}, string{51}, binary{53}, string_empty{56}, binary_empty{57};

}  // namespace

Channels::Channels(const Options& options, bool even_streams, sctp::Association& association,
                   Env env)
    : options_(options),
      even_streams_(even_streams),
      association_(association),
      env_(env),
      channels_(env.memory),
      events_(env.memory),
      next_stream_(even_streams ? 0 : 1) {}

Result<StreamId> Channels::open(Instant now, const ChannelOptions& options) {
  bury_closed();
  if (!association_.connected()) return Error{Errc::wrong_state, "no association"};
  if (options.label.size() > 0xFFFF || options.protocol.size() > 0xFFFF) {
    return Error{Errc::invalid_argument, "label or protocol above 65,535 bytes"};
  }
  const auto stream = free_stream();
  if (!stream || channels_.size() >= options_.max_channels) {
    return Error{Errc::over_limit, "no stream is left"};
  }
  Channel* channel = add(*stream, options.label, options.protocol);
  if (!channel) return Error{Errc::no_memory, "no room for a channel"};
  channel->ordered = options.ordered;
  channel->reliability = options.reliability;
  channel->limit = options.limit;
  channel->priority = options.priority;
  channel->owes_open = true;
  pay_debts(now);
  return *stream;
}

Status Channels::close(Instant, std::string_view label) {
  bury_closed();
  bool found = false;
  for (Channel& c : channels_) {
    if (c.closed || as_text(c.label.bytes()) != label) continue;
    found = true;
    mark_closed(c);
  }
  return found ? Status() : Status(Error{Errc::not_found, "no channel of this label"});
}

Status Channels::send(Instant now, StreamId stream, Kind kind, Bytes message) {
  bury_closed();
  Channel* channel = find(stream);
  if (!channel) return Error{Errc::not_found, "no channel on this stream"};
  if (options_.max_message_size != 0 && message.size() > options_.max_message_size) {
    return Error{Errc::over_limit, "message above the peer's a=max-message-size"};
  }
  if (channel->owes_open) return Error{Errc::would_block, "OPEN is still waiting"};
  // [rfc8832#6] Nothing may overtake the OPEN: in order until it is acknowledged.
  const sctp::SendOptions how{.unordered = !channel->ordered && channel->open};
  if (message.empty()) {
    // [rfc8831#6.6] SCTP cannot send nothing: a zero byte, and a PPID that says to ignore it.
    constexpr std::byte nothing[] = {std::byte{0}};
    return association_.send(now, stream, kind == Kind::string ? string_empty : binary_empty,
                             nothing, how);
  }
  return association_.send(now, stream, kind == Kind::string ? string : binary, message, how);
}

void Channels::end(Instant) {
  for (Channel& c : channels_) {
    if (!c.closed) mark_closed(c);
  }
}

void Channels::process(Instant now) {
  pay_debts(now);
  while (!held_ && events_.empty()) {
    auto message = association_.read_message(now);
    if (!message) return;
    if (message->ppid == dcep) {
      on_dcep(now, message->stream, message->body.bytes());
    } else {
      held_ = to_user(now, std::move(*message));
    }
  }
}

std::optional<Channels::Event> Channels::poll_event() {
  if (events_.empty()) return std::nullopt;
  const std::optional<Event> event = events_.front();
  events_.pop_front();
  return event;
}

std::optional<Message> Channels::read_message(Instant now) {
  process(now);
  return std::exchange(held_, std::nullopt);
}

std::optional<std::string_view> Channels::label(StreamId stream) const {
  // The one that lives, or else the last one that did.
  if (const Channel* c = find(stream)) return as_text(c->label.bytes());
  for (std::size_t i = channels_.size(); i-- > 0;) {
    if (channels_[i].stream == stream) return as_text(channels_[i].label.bytes());
  }
  return std::nullopt;
}

bool Channels::is_open(StreamId stream) const {
  const Channel* channel = find(stream);
  return channel && channel->open;
}

std::optional<StreamId> Channels::first_open() const {
  const Channel* first = nullptr;
  for (const Channel& c : channels_) {
    if (c.open && !c.closed && (!first || c.opened < first->opened)) first = &c;
  }
  return first ? std::optional(first->stream) : std::nullopt;
}

std::size_t Channels::size() const {
  std::size_t n = 0;
  for (const Channel& c : channels_) n += c.closed ? 0u : 1u;
  return n;
}

void Channels::hash_state(StateHash& hash) const {
  for (const Channel& c : channels_) {
    hash.add(c.stream);
    hash.add(c.open);
    hash.add(c.closed);
    hash.add(c.owes_open);
    hash.add(c.owes_ack);
  }
  hash.add(events_.size());
  hash.add(held_.has_value());
}

void Channels::on_dcep(Instant now, StreamId stream, Bytes message) {
  if (!is_ack(message)) return on_open(now, stream, message);
  Channel* channel = find(stream);
  if (!channel || channel->by_peer || channel->open) return drop(now, "ACK to no OPEN", 1);
  acknowledge(*channel);
}

void Channels::on_open(Instant now, StreamId stream, Bytes message) {
  const auto open = parse_open(message);
  // [rfc8832#6] The peer opens on streams of its own parity, and on free ones.
  // exception: a wrong OPEN should have its stream reset, which comes with RFC 6525; until then it
  // gets no ACK and its messages are dropped.
  const bool even = static_cast<std::uint16_t>(stream) % 2 == 0;
  if (!open || even == even_streams_ || find(stream)) {
    return drop(now, "OPEN that is malformed or on a stream it may not use", message.size());
  }
  if (size() >= options_.max_channels) return drop(now, "one channel too many", message.size());
  Channel* channel = add(stream, open->label, open->protocol);
  if (!channel) return drop(now, "no memory for a channel", message.size());
  channel->by_peer = channel->owes_ack = true;
  channel->ordered = open->ordered;
  channel->reliability = open->reliability;
  channel->limit = open->limit;
  channel->priority = open->priority;
  channel->open = true;
  channel->opened = opened_++;
  static_cast<void>(events_.push_back(Opened{stream, true}));
  pay_debts(now);
}

void Channels::acknowledge(Channel& channel) {
  channel.open = true;
  channel.opened = opened_++;
  static_cast<void>(events_.push_back(Opened{channel.stream, false}));
}

// OPEN and ACK that the association had no room for before.
void Channels::pay_debts(Instant now) {
  for (Channel& c : channels_) {
    if (c.closed) continue;
    if (c.owes_open) c.owes_open = !send_open(now, c);
    if (c.owes_ack) c.owes_ack = !association_.send(now, c.stream, dcep, {&ack_message, 1}, {});
  }
}

Status Channels::send_open(Instant now, Channel& channel) {
  const OpenMessage open{channel.ordered,
                         channel.reliability,
                         channel.priority,
                         channel.limit,
                         as_text(channel.label.bytes()),
                         as_text(channel.protocol.bytes())};
  Buffer message =
      Buffer::with_size(env_.memory, open_header_size + open.label.size() + open.protocol.size());
  if (!message) return Error{Errc::no_memory, "no room for OPEN"};
  if (write_open(open, message.bytes()) == 0) return Error{Errc::failed, "OPEN does not fit"};
  return association_.send(now, channel.stream, dcep, message.bytes(), {});
}

std::optional<Message> Channels::to_user(Instant now, sctp::Message message) {
  Channel* channel = find(message.stream);
  if (!channel) {
    drop(now, "message on no channel", message.body.size());
    return std::nullopt;
  }
  const bool is_string = message.ppid == string || message.ppid == string_empty;
  if (!is_string && message.ppid != binary && message.ppid != binary_empty) {
    drop(now, "message of an unknown PPID", message.body.size());
    return std::nullopt;
  }
  // A peer that answers has heard the OPEN, even if its ACK comes later or never.
  if (!channel->open) acknowledge(*channel);
  if (message.ppid == string_empty || message.ppid == binary_empty) message.body.shrink(0);
  return Message{message.stream, is_string ? Kind::string : Kind::binary, std::move(message.body)};
}

void Channels::mark_closed(Channel& channel) {
  const bool was_open = channel.open;
  channel.closed = true;
  channel.open = false;
  if (was_open) static_cast<void>(events_.push_back(ChannelClosed{channel.stream}));
}

void Channels::bury_closed() {
  if (!events_.empty()) return;
  for (std::size_t i = channels_.size(); i-- > 0;) {
    if (channels_[i].closed) channels_.erase(i);
  }
}

Channels::Channel* Channels::find(StreamId stream) {
  for (Channel& c : channels_) {
    if (c.stream == stream && !c.closed) return &c;
  }
  return nullptr;
}

const Channels::Channel* Channels::find(StreamId stream) const {
  return const_cast<Channels*>(this)->find(stream);
}

// Never used before, while there are such; a closed one still belongs to the old channel at the
// other end.
std::optional<StreamId> Channels::free_stream() {
  for (; next_stream_ < 65'535; next_stream_ += 2) {
    const StreamId stream{static_cast<std::uint16_t>(next_stream_)};
    if (find(stream)) continue;
    next_stream_ += 2;
    return stream;
  }
  return std::nullopt;
}

Channels::Channel* Channels::add(StreamId stream, std::string_view label,
                                 std::string_view protocol) {
  Channel channel;
  channel.stream = stream;
  channel.label = Buffer::copy_of(env_.memory, as_bytes(label));
  channel.protocol = Buffer::copy_of(env_.memory, as_bytes(protocol));
  if (!channel.label || !channel.protocol) return nullptr;
  return channels_.push_back(std::move(channel)) ? &channels_.back() : nullptr;
}

void Channels::drop(Instant now, const char* why, std::size_t size) const {
  env_.trace(now, PacketDropped{"datachannel", why, size});
}

}  // namespace esp_peer::datachannel
