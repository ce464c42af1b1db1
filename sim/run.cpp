#include "sim/run.hpp"

#include <algorithm>

#include "sim/application.hpp"
#include "sim/attacker.hpp"
#include "sim/default_address.hpp"
#include "sim/stun_server.hpp"

namespace esp_peer::sim {
namespace {

// Faults end then, at the latest.
constexpr Duration bad_times = seconds(45);
// What a run may still need after them: a lost connection is noticed after 36 s, tried again after
// at most 36 s, and the peer's own attempt may have 40 s to go, twice when both are out of step; a
// retransmission waits for up to a minute.
constexpr Duration patience = seconds(300);
// [rfc7675#5.1] 30 s after the last answer, counted in checks up to 6 s apart.
constexpr Duration loss_noticed = seconds(45);

const Address server_ip = Address::v4(198, 51, 100, 1, 0);

std::vector<Address> addresses_of(const Plan& plan, bool left, bool behind_box) {
  const std::uint8_t last = left ? 1 : 2;
  std::vector<Address> addresses;
  if (plan.ipv6 && !behind_box) {
    addresses.push_back(*parse_ip(left ? "2001:db8::1" : "2001:db8::2", 0));
  }
  // Two private networks may well use the same addresses.
  addresses.push_back(behind_box ? Address::v4(10, 0, 0, 5, 0) : Address::v4(192, 0, 2, last, 0));
  if (plan.two_addresses) {
    addresses.push_back(behind_box ? Address::v4(10, 0, 1, 5, 0) : Address::v4(192, 0, 3, last, 0));
  }
  return addresses;
}

class Run {
 public:
  Run(const Plan& plan, const RunOptions& options);
  Report go();

 private:
  PairOptions pair_options();
  Application& application_of(const Peer& peer) {
    return &peer == pair_.left.get() ? left_ : right_;
  }
  void arrange_faults();
  void arrange_signals();
  void send_apart(Peer& to, std::string sdp);
  void attack_again();
  void read_slowly();
  void close_a_channel();
  void heal();

  bool done() const;
  bool settled() const;  // nobody tries any more
  void talk();
  void end();
  void expect_noticed(Peer& peer, const Application& application, int ends_before);
  void clear_away();
  Report report();

  const Plan& plan_;
  RunOptions options_;
  World world_;
  Pcap pcap_;
  std::optional<Nat> left_box_, right_box_;
  std::unique_ptr<StunServer> server_;
  Ledger ledger_;
  Attacker attacker_;
  Pair pair_;
  Application left_, right_;
  bool bad_times_ = true;
  std::uint64_t injected_ = 0;
  std::optional<Instant> connected_at_;
};

Run::Run(const Plan& plan, const RunOptions& options)
    : plan_(plan),
      options_(options),
      world_(plan.seed),
      attacker_(Rng(plan.seed, "attacker")),
      pair_(world_, pair_options()),
      left_(world_, ledger_, *pair_.left, 0, plan),
      right_(world_, ledger_, *pair_.right, 1, plan) {
  left_.set_other(right_);
  right_.set_other(left_);
  pair_.on_event = [this](Peer& peer, const peer::Event& event) {
    application_of(peer).hear(event);
  };
  pair_.on_message = [this](Peer& peer, const datachannel::Message& message) {
    application_of(peer).hear(message);
  };
  if (options.trace) world_.trace.keep_text();
  if (!options.pcap.empty()) world_.network.write_pcap_to(&pcap_);
  if (plan.stun_server) {
    server_ = std::make_unique<StunServer>(world_.network,
                                           world_.network.add_host("server", {server_ip}));
  }
  arrange_faults();
  arrange_signals();
}

PairOptions Run::pair_options() {
  if (plan_.left_nat) left_box_.emplace(*plan_.left_nat, Address::v4(198, 51, 100, 101, 0));
  if (plan_.right_nat) right_box_.emplace(*plan_.right_nat, Address::v4(198, 51, 100, 102, 0));
  PairOptions pair;
  pair.cipher = plan_.cipher;
  pair.left_addresses = addresses_of(plan_, true, plan_.left_nat.has_value());
  pair.right_addresses = addresses_of(plan_, false, plan_.right_nat.has_value());
  pair.left_nat = left_box_ ? &*left_box_ : nullptr;
  pair.right_nat = right_box_ ? &*right_box_ : nullptr;
  pair.signalling_delay = plan_.signalling_delay;
  pair.keep_messages = false;
  for (PeerOptions* peer : {&pair.left, &pair.right}) {
    peer->session.auto_reconnect = plan_.auto_reconnect;
    peer->session.send_buffer = plan_.send_buffer;
    peer->session.receive_buffer = plan_.receive_buffer;
    peer->batch = plan_.batch;
    peer->lateness = plan_.lateness;
    if (plan_.stun_server) {
      peer::Server server;
      server.host.assign(ip_text(server_ip).view());
      peer->servers.push_back(server);
    }
  }
  pair.left.name = "left";
  pair.right.name = "right";
  pair.right.session.role = plan_.both_offer ? ice::Role::controlling : ice::Role::controlled;
  return pair;
}

// ---------------------------------------------------------------- what goes wrong

void Run::arrange_faults() {
  Network& network = world_.network;
  network.link(pair_.left->host(), pair_.right->host()).options() = plan_.there;
  network.link(pair_.right->host(), pair_.left->host()).options() = plan_.back;
  if (plan_.attacker) {
    network.set_tap([this](HostId, const Route& route, std::vector<std::byte>& datagram) {
      attacker_.overhear(route, datagram);
      return true;
    });
    attack_again();
  }
  if (plan_.slow_reader) read_slowly();
  if (plan_.closes_channels) {
    close_a_channel();
  }
  if (plan_.allocation_fails) pair_.left->memory().fail_at(*plan_.allocation_fails, 3);
  world_.time.after(bad_times, [this] { heal(); });
}

void Run::arrange_signals() {
  pair_.on_signal = [this](Peer& from, std::string& sdp) {
    Peer& to = pair_.other(from);
    if (plan_.duplicate_signals) {
      world_.time.after(plan_.signalling_delay + milliseconds(world_.faults.between(0, 3'000)),
                        [&to, sdp] {
                          if (to.alive()) static_cast<void>(to.hear_description(sdp));
                        });
    }
    if (!plan_.trickle) return true;
    send_apart(to, sdp);
    return false;
  };
}

// The description without its candidates, and each of those by itself, some of them before it.
void Run::send_apart(Peer& to, std::string sdp) {
  const auto say = [&](Duration more, auto deliver) {
    world_.time.after(plan_.signalling_delay + more, [&to, deliver] {
      if (to.alive()) deliver(to);
    });
  };
  sdp = without_default_address(std::move(sdp));
  constexpr std::string_view mark = "a=candidate:", end = "a=end-of-candidates\r\n";
  if (const auto at = sdp.find(end); at != sdp.npos) sdp.erase(at, end.size());
  for (std::size_t at = sdp.find(mark); at != sdp.npos; at = sdp.find(mark)) {
    const std::size_t size = sdp.find('\n', at) + 1 - at;
    const std::string line = sdp.substr(at, size);
    sdp.erase(at, size);
    say(milliseconds(world_.faults.between(0, 1'000)),
        [line](Peer& peer) { static_cast<void>(peer.hear_candidate(line)); });
  }
  say(milliseconds(world_.faults.between(0, 300)),
      [sdp](Peer& peer) { static_cast<void>(peer.hear_description(sdp)); });
}

void Run::attack_again() {
  world_.time.after(milliseconds(world_.faults.between(1, 400)), [this] {
    if (!bad_times_) return;
    attacker_.attack(world_.faults.chance(0.5) ? *pair_.left : *pair_.right);
    ++injected_;
    attack_again();
  });
}

void Run::read_slowly() {
  world_.time.after(milliseconds(world_.faults.between(100, 5'000)), [this] {
    if (!bad_times_) return;
    Peer& peer = world_.faults.chance(0.5) ? *pair_.left : *pair_.right;
    if (peer.alive()) peer.set_reading(world_.faults.chance(0.5));
    read_slowly();
  });
}

void Run::close_a_channel() {
  world_.time.after(milliseconds(world_.faults.between(100, 2'500)), [this] {
    if (!bad_times_) return;
    Peer& peer = world_.faults.chance(0.5) ? *pair_.left : *pair_.right;
    if (peer.alive()) application_of(peer).close_a_channel(world_.faults);
    close_a_channel();
  });
}

void Run::heal() {
  if (!std::exchange(bad_times_, false)) return;
  world_.trace.note(world_.time.now(), "", "heals");
  world_.network.for_each_link([](LinkOptions& link) {
    const Duration delay = link.delay;
    link = LinkOptions();
    link.delay = delay;
    link.burst_loss = 0;  // nor does a burst go on that has begun
  });
  for (Peer* peer : {pair_.left.get(), pair_.right.get()}) {
    if (peer->alive()) peer->set_reading(true);
  }
}

// ---------------------------------------------------------------- what must go right

Report Run::go() {
  talk();
  heal();
  end();
  clear_away();
  return report();
}

void Run::talk() {
  const Instant begin = world_.time.now();
  static_cast<void>(pair_.right->connect());
  world_.time.after(plan_.start_gap, [this] { static_cast<void>(pair_.left->connect()); });
  world_.run_until(begin + plan_.start_gap, [] { return false; });

  const bool went_well = world_.run_until(begin + bad_times + patience, [this] {
    if (!connected_at_ && pair_.left->data_open() && pair_.right->data_open()) {
      connected_at_ = world_.time.now();
    }
    return done() || settled();
  });
  if (!plan_.can_connect() || plan_.allocation_fails) return;
  if (!went_well) {
    world_.fail("stalled: left " + std::string(name_of(pair_.left->state())) + ", right " +
                std::string(name_of(pair_.right->state())) + "; missing " + ledger_.missing());
  }
  if (plan_.must_connect() && left_.ends() + right_.ends() > 0) {
    world_.fail("a connection was lost or not made on a good path");
  }
}

bool Run::done() const {
  return pair_.left->data_open() && pair_.right->data_open() && left_.finished() &&
         right_.finished() && ledger_.all_delivered();
}

bool Run::settled() const {
  const auto over = [](const Peer& peer) {
    return peer.state() == peer::State::disconnected || peer.state() == peer::State::connect_failed;
  };
  return !plan_.auto_reconnect && over(*pair_.left) && over(*pair_.right);
}

void Run::end() {
  // After an outage the next consent check may come too late for the last moments of the thirty
  // seconds: that loss is of the outage.
  world_.time.run_for(seconds(7));
  const bool was_open = pair_.left->data_open() && pair_.right->data_open();
  const int left_ends = left_.ends(), right_ends = right_.ends();
  const auto leave = [&](Peer& peer) {
    static_cast<void>(peer.disconnect());
    if (peer.session().next_deadline()) world_.fail(peer.name() + ": still waits after leaving");
  };
  switch (plan_.ending) {
    case Ending::left_leaves:
      leave(*pair_.left);
      if (was_open) expect_noticed(*pair_.right, right_, right_ends);
      break;
    case Ending::right_leaves:
      leave(*pair_.right);
      if (was_open) expect_noticed(*pair_.left, left_, left_ends);
      break;
    case Ending::both_leave:
      leave(*pair_.left);
      leave(*pair_.right);
      world_.time.run_for(seconds(40));
      break;
    case Ending::right_dies:
      pair_.right->kill();
      if (was_open) expect_noticed(*pair_.left, left_, left_ends);
      break;
    case Ending::none:
      world_.time.run_for(seconds(100));
      if (was_open && (left_.ends() != left_ends || right_.ends() != right_ends)) {
        world_.fail("an idle connection on a good path was lost");
      }
      break;
  }
}

void Run::expect_noticed(Peer& peer, const Application& application, int ends_before) {
  const bool noticed = world_.run_until(world_.time.now() + loss_noticed,
                                        [&] { return application.ends() > ends_before; });
  if (!noticed && !plan_.allocation_fails) {
    world_.fail(peer.name() + ": did not notice that the other is gone");
  }
}

void Run::clear_away() {
  if (pair_.left->alive()) pair_.left->kill();
  if (pair_.right->alive()) pair_.right->kill();
  // What is still on its way finds nobody.
  world_.time.run_for(seconds(2));
  if (pair_.plain_dtls().live_endpoints() != 0 || pair_.plain_dtls().live_identities() != 0) {
    world_.fail("memory: DTLS objects left behind");
  }
}

Report Run::report() {
  Report report;
  if (world_.time.exhausted()) world_.fail("spins: it never comes to rest");
  for (const std::string& failure : world_.failures) {
    // Where memory ran out, an event may be lost; never a block, and never the way out.
    const bool grave = failure.find("memory") != failure.npos ||
                       failure.find("spins") != failure.npos ||
                       failure.find("deadline") != failure.npos;
    if (grave || !plan_.allocation_fails) report.failures.push_back(failure);
  }
  report.trace_hash = world_.trace.hash();
  report.steps = world_.time.steps();
  report.messages = ledger_.messages();
  report.bytes = ledger_.bytes();
  report.messages_lost = ledger_.messages_lost();
  report.closes = left_.closes() + right_.closes();
  report.injected = injected_;
  report.connected = left_.connections() > 0 && right_.connections() > 0;
  report.took = world_.time.now() - Timeline::beginning;
  if (connected_at_) report.connect_time = *connected_at_ - Timeline::beginning;
  report.trace = world_.trace.text();
  if (!options_.pcap.empty()) pcap_.write(options_.pcap);
  return report;
}

}  // namespace

Report run(const Plan& plan, const RunOptions& options) { return Run(plan, options).go(); }

}  // namespace esp_peer::sim
