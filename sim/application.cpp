#include "sim/application.hpp"

#include <algorithm>

namespace esp_peer::sim {
namespace {

// The other side is told no more than a label: it says what was promised.
std::string label_of(Promise promise, int number) {
  return std::string(promise.ordered ? "ordered" : "unordered") +
         (promise.reliable ? "" : ", partial ") + std::to_string(number);
}
Promise promise_of(std::string_view label) {
  return {!label.starts_with("unordered"), label.find("partial") == label.npos};
}
// The automatic channel stays, by which a run sees that two are connected.
bool may_be_closed(std::string_view label) { return label.find("ordered") != label.npos; }

}  // namespace

Application::Application(World& world, Ledger& ledger, Peer& peer, int index, const Plan& plan)
    : world_(world),
      ledger_(ledger),
      peer_(peer),
      index_(index),
      plan_(plan),
      rng_(world.workload.next()) {}

void Application::hear(const peer::Event& event) {
  if (const auto* changed = std::get_if<peer::StateChanged>(&event)) {
    if (changed->state == peer::State::data_connected) create_channels();
    if (changed->state == peer::State::disconnected) on_end();
    if (changed->state == peer::State::connect_failed) on_end();
  } else if (const auto* opened = std::get_if<peer::ChannelOpened>(&event)) {
    begin(opened->stream);
  } else if (const auto* closed = std::get_if<peer::ChannelClosed>(&event)) {
    on_closed(static_cast<std::uint16_t>(closed->stream));
  }
}

void Application::hear(const datachannel::Message& message) {
  if (const auto wrong = ledger_.received(1 - index_, message)) {
    world_.fail(peer_.name() + ": " + *wrong);
  }
  if (channels_.count(static_cast<std::uint16_t>(message.stream)) == 0) {
    world_.fail(peer_.name() + ": a message on a channel that is not open");
  }
}

void Application::close_a_channel(Rng& rng) {
  std::vector<std::string> labels;
  for (const auto& [stream, channel] : channels_) labels.push_back(channel.label);
  for (const auto& [stream, channel] : to_open_) labels.push_back(channel.label);
  std::erase_if(labels, [](const auto& label) { return !may_be_closed(label); });
  if (labels.empty()) return;
  close(labels[rng.below(labels.size())]);
  ++closes_;
  if (rng.chance(0.5)) create_channel();
}

// Nothing is told of the end of what never opened; but the other side may have it open, and speak.
void Application::close(const std::string& label) {
  const auto give_up = [this](std::uint16_t stream) {
    if (!other_) return;
    ledger_.forgive_stream(other_->line(stream));
    // It may never hear that it was open here.
    if (const auto at = other_->to_open_.find(stream); at != other_->to_open_.end()) {
      at->second.other_has_closed = true;
    }
  };
  for (const auto& [stream, channel] : channels_) {
    if (channel.label == label) give_up(stream);
  }
  std::erase_if(to_open_, [&](const auto& channel) {
    if (channel.second.label != label) return false;
    give_up(channel.first);
    return true;
  });
  static_cast<void>(
      peer_.command([&](auto& session, Instant now) { return session.close_channel(now, label); }));
}

bool Application::finished() const {
  const bool all_open = std::all_of(to_open_.begin(), to_open_.end(), [](const auto& channel) {
    return channel.second.other_has_closed;
  });
  if (!connected_ || !all_open) return false;
  return std::all_of(channels_.begin(), channels_.end(),
                     [](const auto& channel) { return channel.second.left == 0; });
}

void Application::create_channels() {
  connected_ = true;
  ++connections_;
  to_open_.clear();
  created_ = 0;
  for (int i = 0; i < plan_.channels; ++i) create_channel();
}

void Application::create_channel() {
  const Promise promise{rng_.chance(0.6), !rng_.chance(0.35)};
  const std::string label = label_of(promise, created_++);
  datachannel::ChannelOptions options{.label = label, .ordered = promise.ordered};
  if (!promise.reliable) {
    const bool by_count = rng_.chance(0.5);
    options.reliability =
        by_count ? datachannel::Reliability::retransmits : datachannel::Reliability::lifetime;
    options.limit = static_cast<std::uint16_t>(by_count ? rng_.below(4) : rng_.below(1'000));
  }
  peer_.command([&](auto& session, Instant now) {
    auto created = session.create_channel(now, options);
    if (created) to_open_[static_cast<std::uint16_t>(*created)] = {label};
    return static_cast<bool>(created);
  });
}

void Application::begin(datachannel::StreamId id) {
  const auto stream = static_cast<std::uint16_t>(id);
  const auto label = peer_.session().channel_label(id);
  if (!label) return world_.fail(peer_.name() + ": an open channel without a label");
  to_open_.erase(stream);
  channels_[stream] = {std::string(*label), promise_of(*label), plan_.messages, 0};
  later(rng_.up_to(plan_.workload_time), stream);
}

void Application::say_next(std::uint16_t stream) {
  // Several in one turn, so that they share packets.
  for (std::int64_t burst = rng_.between(1, 5); burst > 0; --burst) {
    const auto found = channels_.find(stream);  // a command may bring its end
    if (found == channels_.end() || found->second.left == 0) return;
    Channel& channel = found->second;
    const std::size_t size = draw_size(channel);
    const auto kind = rng_.chance(0.5) ? datachannel::Kind::binary : datachannel::Kind::string;
    const auto body = ledger_.compose(line(stream), size, kind);
    const Errc sent = peer_.command([&](auto& session, Instant now) {
      const Status status = session.send_data(now, datachannel::StreamId{stream}, kind, body);
      // Written down before anything can arrive.
      if (!status) return status.code();
      ledger_.accepted(line(stream), channel.promise, size, kind);
      --channel.left;
      ++channel.said;
      return Errc::ok;
    });
    if (sent == Errc::would_block) return later(milliseconds(rng_.between(1, 50)), stream);
    if (sent != Errc::ok) {
      return world_.fail(peer_.name() + ": cannot send on " + std::to_string(stream) + ", code " +
                         std::to_string(static_cast<int>(sent)));
    }
  }
  const Duration pause = plan_.workload_time / std::max(plan_.messages, 1);
  later(rng_.up_to(pause * 4), stream);
}

void Application::later(Duration delay, std::uint16_t stream) {
  const int attempt = peer_.attempts();
  world_.time.after(delay, [this, stream, attempt] {
    if (peer_.alive() && peer_.attempts() == attempt) say_next(stream);
  });
}

// Whoever closed it has given up what it had not heard; what it said must have come, or comes. One
// that the other side closed instead of answering will not open.
void Application::on_closed(std::uint16_t stream) {
  if (channels_.erase(stream) == 0) to_open_.erase(stream);
}

void Application::on_end() {
  ++ends_;
  connected_ = false;
  channels_.clear();
  ledger_.forgive(peer_.attempts(), index_);
}

std::size_t Application::draw_size(const Channel& channel) {
  const bool may_be_nameless =
      channel.promise.ordered && channel.promise.reliable && channel.said > 0;
  if (may_be_nameless && rng_.chance(0.15)) return rng_.below(Ledger::name_size);
  const auto most = std::max(plan_.largest_message, Ledger::name_size);
  // Mostly small ones, now and then the largest.
  const std::size_t bound = rng_.chance(0.2) ? most : std::min<std::size_t>(most, 1'000);
  return static_cast<std::size_t>(
      rng_.between(Ledger::name_size, static_cast<std::int64_t>(bound)));
}

}  // namespace esp_peer::sim
