// The loop of a peer: wait without the lock, feed the session, send, and call back without the
// lock.
#include <algorithm>
#include <chrono>
#include <memory>
#include <new>

#include "capi/default_peer.hpp"
#include "runner/linux/clock.hpp"
#include "runner/linux/worker_thread.hpp"

namespace esp_peer::capi {
namespace {

// Room for datagrams on their way out: one for each thread that sends, not for each peer. Holds one
// run of the largest kind that the kernel takes.
struct TransmitRoom {
  std::byte bytes[66 * 1024];
  TxBatch::Run runs[64];
};

// A batch in this thread's room; one that takes nothing when there is no memory for it.
TxBatch empty_batch() {
  thread_local const std::unique_ptr<TransmitRoom> room(new (std::nothrow) TransmitRoom);
  return room ? TxBatch(room->bytes, room->runs) : TxBatch({}, {});
}

// [rfc8838#13] As an attribute without its "a=", as candidates are.
constexpr std::string_view no_more_candidates = "end-of-candidates";

}  // namespace

int DefaultPeer::main_loop() {
  if (calling_back()) return ESP_PEER_ERR_WRONG_STATE;
  Lock lock(mutex_);
  if (in_loop_) return ESP_PEER_ERR_WRONG_STATE;
  in_loop_ = true;
  if (config_.background_thread) {
    wait_for_news(lock);
    deliver(lock);
    catch_up();
    in_loop_ = false;
    return news_.lacked_memory() ? ESP_PEER_ERR_NO_MEM : ESP_PEER_ERR_NONE;
  }
  step(lock);
  if (news_.empty() && !closing_) wait(lock);
  receive();
  step(lock);
  deliver(lock);
  in_loop_ = false;
  return news_.lacked_memory() ? ESP_PEER_ERR_NO_MEM : ESP_PEER_ERR_NONE;
}

std::optional<Instant> DefaultPeer::work() {
  Lock lock(mutex_);
  const Instant now = linux_runner::now();
  waiter_.wait(now, now);  // takes back what woke us
  sleeping_until_ = Instant::min();
  stands_still_ = news_.size() >= max_untold;
  if (stands_still_ || closing_) return std::nullopt;
  step(lock);
  receive();
  step(lock);
  if (!news_.empty()) news_came_.notify_one();
  sleeping_until_ = session_.next_deadline().value_or(Instant::max());
  return sleeping_until_;
}

void DefaultPeer::wait_for_news(Lock& lock) {
  if (news_.empty() && !interrupted_ && !closing_) {
    news_came_.wait_until(lock, std::chrono::steady_clock::now() + config_.loop_wait);
  }
  interrupted_ = false;
}

// There is room again for what could not be fetched.
void DefaultPeer::catch_up() {
  if (closing_) return;
  if (std::exchange(reading_rests_, false)) {
    const Instant now = linux_runner::now();
    collect(now);
    transmit(now);  // the peer's window has opened
    waiter_.wake();
  }
  if (std::exchange(stands_still_, false)) linux_runner::WorkerThread::instance().resume(self_);
}

// Else it stays in the session, and reading rests.
bool DefaultPeer::may_read(News::Kind kind) {
  const bool wanted = !config_.background_thread ||
                      (news_.size() < max_untold / 2 && news_.bytes(kind) < cache_of(kind));
  const bool may = wanted && news_.make_room();
  reading_rests_ = reading_rests_ || !may;
  return may;
}

std::size_t DefaultPeer::cache_of(News::Kind kind) const {
  const peer::SessionOptions& session = config_.session;
  if (kind == News::Kind::audio) return session.audio_jitter.most_bytes;
  if (kind == News::Kind::video) return session.video_limits.receiver.buffer.most_bytes;
  return session.receive_buffer;
}

void DefaultPeer::step(Lock& lock) {
  const auto overdue = [&](Instant at) {
    const auto due = session_.next_deadline();
    return due && *due <= at;
  };
  // Where we come late, what was waited for may be there: it is read before its timer is over.
  if (overdue(linux_runner::now())) receive();
  const Instant now = linux_runner::now();
  take_resolved(now);
  session_.set_ciphers(identity_cache::cipher_preference());
  if (overdue(now)) session_.on_deadline(now);
  // In this order: what is read may begin data anew, or end the connection, and either has
  // something to say to the peer, the end before its sockets are closed.
  collect(now);
  transmit(now);
  watch_buffer();  // what was given up instead of sent made room
  handle_requests(lock);
}

void DefaultPeer::wait(Lock& lock) {
  const Instant now = linux_runner::now();
  Instant until = now + config_.loop_wait;
  if (const auto due = session_.next_deadline()) until = std::min(until, *due);
  if (until <= now) return;
  sleeping_until_ = until;
  lock.unlock();
  waiter_.wait(now, until);
  lock.lock();
  sleeping_until_ = Instant::min();
}

void DefaultPeer::receive() {
  const Instant now = linux_runner::now();
  TxBatch batch = empty_batch();  // what many datagrams are answered by leaves together
  sockets_.receive([&](const Route& route, MutableBytes datagram) {
    ++received_.datagrams;
    received_.wire_bytes += datagram.size();
    session_.on_datagram(now, route, datagram);
    collect(now);  // at once: the next datagram may end the connection, and its messages with it
    if (session_.owes_ack()) acknowledge(now, batch);
  });
  if (!batch.empty()) send(batch);
}

void DefaultPeer::acknowledge(Instant now, TxBatch& batch) {
  if (!sockets_.can_send()) return;
  session_.poll_transmit(now, batch);
  if (!session_.owes_ack() || batch.empty()) return;
  send(batch);  // it was full
  batch.clear();
  session_.poll_transmit(now, batch);
}

// One by one: what another thread takes away by disconnecting is not told here any more. What the
// callbacks cause is told in the next turn, or one that always causes more would never end.
void DefaultPeer::deliver(Lock& lock) {
  for (std::size_t n = news_.size(); n > 0 && !news_.empty() && !closing_; --n) {
    News news = take_news();
    lock.unlock();
    tell_one(news);
    news = News();  // its memory is given back without the lock
    lock.lock();
  }
}

void DefaultPeer::transmit(Instant now) {
  sockets_.flush();
  while (sockets_.can_send()) {
    TxBatch batch = empty_batch();
    session_.poll_transmit(now, batch);
    if (batch.empty()) break;
    send(batch);
  }
  waiter_.want_writable(sockets_.blocked_fd());
}

// Events go before the message that stands behind them: a channel is open before it speaks. Reading
// a message lets the session come to the events behind that one.
void DefaultPeer::collect(Instant now) {
  reading_rests_ = false;
  for (;;) {
    while (const auto event = session_.poll_event()) note(*event);
    collect_media(now);
    if (!may_read(News::Kind::message)) break;
    auto message = session_.read_message(now);
    if (!message) {
      const auto event = session_.poll_event();
      if (!event) break;
      note(*event);  // and messages may stand behind it
      continue;
    }
    ++received_.messages;
    received_.bytes += message->body.size();
    news_.push({.kind = News::Kind::message,
                .is_string = message->kind == datachannel::Kind::string,
                .stream = static_cast<std::uint16_t>(message->stream),
                .body = std::move(message->body)});
  }
  while (const auto event = session_.poll_event()) note(*event);
  watch_buffer();
}

void DefaultPeer::collect_media(Instant now) {
  while (may_read(News::Kind::audio)) {
    auto frame = session_.read_audio();
    if (!frame) break;
    news_.push({.kind = News::Kind::audio,
                .pts = frame->pts,
                .ntp = frame->ntp,
                .body = std::move(frame->payload)});
  }
  while (may_read(News::Kind::video)) {
    auto frame = session_.read_video(now);
    if (!frame) break;
    news_.push({.kind = News::Kind::video,
                .pts = frame->pts,
                .ntp = frame->ntp,
                .body = std::move(frame->data)});
  }
}

// An end empties the buffer too, and is no time to send.
void DefaultPeer::watch_buffer() {
  if (!config_.on_writable) return;
  const bool above = session_.data_stats().buffered > low_threshold_;
  if (std::exchange(above_threshold_, above) && !above && session_.carries_data()) {
    news_.push({.kind = News::Kind::writable});
  }
}

void DefaultPeer::send(const TxBatch& batch) {
  sockets_.send(batch);
  for (const TxBatch::Run& run : batch.runs()) {
    sent_.wire_bytes += run.size;
    sent_.datagrams += run.count;
  }
}

void DefaultPeer::note(const peer::Event& event) {
  if (const auto* changed = std::get_if<peer::StateChanged>(&event)) {
    news_.push({.state = changed->state, .why = changed->why});
  } else if (const auto* opened = std::get_if<peer::ChannelOpened>(&event)) {
    note_channel(News::Kind::channel_open, opened->stream);
  } else if (const auto* closed = std::get_if<peer::ChannelClosed>(&event)) {
    note_channel(News::Kind::channel_close, closed->stream);
  } else if (const auto* found = std::get_if<peer::LocalCandidateFound>(&event)) {
    note_text({.kind = News::Kind::candidate}, session_.local_candidate(found->index).view());
  } else if (std::holds_alternative<peer::LocalCandidatesDone>(event)) {
    note_text({.kind = News::Kind::candidate}, no_more_candidates);
  } else if (const auto* described = std::get_if<peer::AudioDescribed>(&event)) {
    news_.push({.kind = News::Kind::audio_info, .audio = described->audio});
  } else if (const auto* seen = std::get_if<peer::VideoDescribed>(&event)) {
    news_.push({.kind = News::Kind::video_info, .video = seen->video});
  } else {
    note_text({.kind = News::Kind::description}, session_.local_description());
  }
}

void DefaultPeer::note_channel(News::Kind kind, datachannel::StreamId stream) {
  note_text({.kind = kind, .stream = static_cast<std::uint16_t>(stream)},
            session_.channel_label(stream).value_or(""));
}

void DefaultPeer::note_text(News news, std::string_view text) {
  news.body = Buffer::copy_of(memory_, as_bytes(text));
  const bool kept = static_cast<bool>(news.body);
  news_.push_text(std::move(news), kept);
}

}  // namespace esp_peer::capi
