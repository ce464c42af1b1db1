#include "sim/peer.hpp"

#include <algorithm>

#include "backends/libsrtp/backend.hpp"
#include "ice/candidate.hpp"
#include "sdp/description.hpp"

namespace esp_peer::sim {
namespace {

constexpr int max_wakes_at_once = 100;  // of one peer within a microsecond: it spins
constexpr std::size_t room_of_one = 1500;
// Room for an answer or a record, which stays when it was never needed before.
constexpr std::size_t grown_once = 4'096;

bool is_stun(Bytes datagram) { return !datagram.empty() && datagram[0] <= std::byte{3}; }

bool has(const std::vector<Address>& list, const Address& address) {
  return std::find(list.begin(), list.end(), address) != list.end();
}

std::string_view name_of_other(const peer::Event& event) {
  if (std::holds_alternative<peer::LocalDescription>(event)) return "its description";
  if (std::holds_alternative<peer::LocalCandidateFound>(event)) return "a candidate";
  if (std::holds_alternative<peer::LocalCandidatesDone>(event)) return "no more candidates";
  if (std::holds_alternative<peer::AudioDescribed>(event)) return "what audio is";
  if (std::holds_alternative<peer::VideoDescribed>(event)) return "what video is";
  return std::holds_alternative<peer::ChannelOpened>(event) ? "a channel opened"
                                                            : "a channel closed";
}

bool contains(Bytes haystack, std::string_view needle) {
  return as_text(haystack).find(needle) != std::string_view::npos;
}

}  // namespace

Peer::Peer(World& world, HostId host, const PeerOptions& options, crypto::Provider& crypto,
           dtls::Backend& backend)
    : world_(world),
      host_(host),
      options_(options),
      backend_(backend),
      random_(Rng(world.peers.next())),
      late_(world.peers.next()) {
  const Env env{memory_, random_, Tracer(&note_drop, this)};
  session_ = std::make_unique<peer::Session>(
      options.session, peer::Dependencies{crypto, backend, *this, &libsrtp::backend()}, env);
  static_cast<void>(set_servers(options.servers));
}

Status Peer::set_servers(const std::vector<peer::Server>& servers) {
  options_.servers = servers;
  for (const auto& server : servers) {
    const auto literal = parse_ip(server.host.view(), server.port);
    if (literal) allow(*literal);
  }
  return command([&](auto& s, Instant now) { return s.set_servers(now, servers); });
}

Peer::~Peer() { kill(); }

Status Peer::hear_description(std::string_view sdp) {
  for (std::size_t at = sdp.find("a=candidate:"); at != sdp.npos;
       at = sdp.find("a=candidate:", at + 1)) {
    auto candidate = ice::parse_candidate(sdp.substr(at, sdp.find('\r', at) - at));
    if (candidate) allow(candidate->address);
  }
  const auto description = std::make_unique<sdp::Description>();
  const auto remote = std::make_unique<sdp::Remote>();
  const sdp::Wanted wanted{options_.session.data, options_.session.audio.codec};
  if (sdp::parse(sdp, *description) && sdp::read_remote(*description, wanted, *remote) &&
      remote->default_destination) {
    allow(*remote->default_destination);
  }
  return command([&](auto& s, Instant now) { return s.set_remote_description(now, sdp); });
}

Status Peer::hear_candidate(std::string_view line) {
  auto candidate = ice::parse_candidate(line);
  if (candidate) allow(candidate->address);
  return command([&](auto& s, Instant now) { return s.add_remote_candidate(now, line); });
}

void Peer::set_reading(bool reading) {
  reading_ = reading;
  if (session_) pump();
}

void Peer::inject_worthless(const Route& route, std::vector<std::byte> datagram,
                            std::string_view what) {
  if (!session_) return;
  world_.trace.datagram(world_.time.now(), options_.name, "injected", route.remote, route.local,
                        datagram);
  if (is_stun(datagram)) heard_.insert(route);  // an answer, no larger than it, is allowed
  // First all that is due anyway; afterwards all that was answered.
  session_->on_deadline(now());
  pump();
  const std::uint64_t before = state_hash();
  const std::size_t memory_before = memory_.live();
  const std::uint64_t answered_before = bytes_sent_to(route.remote), told_before = told_;
  const std::size_t size = datagram.size();
  session_->on_datagram(now(), route, datagram);
  pump();
  if (state_hash() != before) world_.fail(name() + ": state changed by " + std::string(what));
  if (memory_.live() > memory_before + grown_once) {
    world_.fail(name() + ": memory kept for " + std::string(what));
  }
  if (told_ != told_before) world_.fail(name() + ": told of " + std::string(what));
  if (bytes_sent_to(route.remote) - answered_before > size) {
    world_.fail(name() + ": more was answered than came with " + std::string(what));
  }
}

void Peer::stand_still() { still_ = true; }

void Peer::go_on() {
  still_ = false;
  waiting_bytes_ = 0;
  const std::weak_ptr<int> life = life_;
  // A loop that sleeps is woken by its sockets first.
  for (auto& [route, datagram] : std::exchange(waiting_, {})) {
    if (!life.expired()) receive(route, datagram);
  }
  if (!life.expired()) wake();
}

void Peer::jump_clock(Duration ahead) {
  clock_ahead_ += ahead;
  wake_at_.reset();  // it was planned by the old clock
  schedule();
}

void Peer::kill() {
  life_.reset();
  close_sockets();
  session_.reset();
  if (memory_.live() != 0) world_.fail(name() + ": memory left behind by a destroyed session");
  if (memory_.wrong_releases() != 0) world_.fail(name() + ": a block came back with another size");
}

std::uint64_t Peer::state_hash() const {
  StateHash hash;
  session_->hash_state(hash);
  return hash.value();
}

std::uint64_t Peer::bytes_sent_to(const Address& remote) const {
  for (const auto& [address, bytes] : sent_bytes_) {
    if (address == remote) return bytes;
  }
  return 0;
}

// ---------------------------------------------------------------- the runner

void Peer::receive(const Route& route, MutableBytes datagram) {
  if (still_) {
    if (waiting_bytes_ + datagram.size() > max_waiting) return;
    waiting_bytes_ += datagram.size();
    return void(waiting_.emplace_back(route, std::vector(datagram.begin(), datagram.end())));
  }
  if (is_stun(datagram)) heard_.insert(route);
  std::vector<std::byte> moved;
  if (options_.misalignment != 0) {
    moved.resize(options_.misalignment + datagram.size());
    copy_bytes(datagram, MutableBytes(moved).subspan(options_.misalignment));
    datagram = MutableBytes(moved).subspan(options_.misalignment);
  }
  session_->on_datagram(now(), route, datagram);
  pump();
}

void Peer::wake() {
  wake_at_.reset();
  if (still_) return;
  const Instant at = now();
  const auto due = session_->next_deadline();
  if (due && *due <= at) {
    session_->on_deadline(at);
    const auto next = session_->next_deadline();
    if (next && *next <= at) world_.fail(name() + ": the next deadline has passed already");
    wakes_at_once_ = at == last_wake_ ? wakes_at_once_ + 1 : 0;
    last_wake_ = at;
    if (wakes_at_once_ == max_wakes_at_once) return world_.fail(name() + ": spins");
  }
  pump();
}

// Until nothing more is to be said. The application's commands from within are served here too.
void Peer::pump() {
  if (pumping_ || still_) return;
  pumping_ = true;
  const std::weak_ptr<int> life = life_;
  for (bool more = true; more && !life.expired() && !still_;) {
    // Sockets are only closed behind the last datagram.
    more = transmit() || serve_requests();
    more = tell_application() || more;
  }
  pumping_ = false;
  if (!life.expired()) schedule();
}

bool Peer::transmit() {
  const auto runs = std::span(world_.transmit_runs)
                        .first(std::min<std::size_t>(options_.batch, world_.transmit_runs.size()));
  const MutableBytes room =
      MutableBytes(world_.transmit_room)
          .subspan(options_.misalignment)
          .first(std::min(options_.batch * room_of_one,
                          world_.transmit_room.size() - options_.misalignment));
  TxBatch batch(room, runs);
  session_->poll_transmit(now(), batch);
  for (const TxBatch::Run& run : batch.runs()) {
    Bytes rest = batch.bytes(run);
    while (!rest.empty()) {
      const Bytes datagram = rest.first(std::min<std::size_t>(run.segment, rest.size()));
      rest = rest.subspan(datagram.size());
      if (has(lost_sockets_, run.route.local)) continue;
      check_route(run.route, datagram);
      world_.network.send(host_, run.route, datagram);
    }
  }
  return !batch.empty();
}

bool Peer::serve_requests() {
  bool served = false;
  while (const auto request = session_->poll_request()) {
    served = true;
    if (const auto* resolve_request = std::get_if<peer::Resolve>(&*request)) {
      resolve(resolve_request->id);
    } else if (const auto* open = std::get_if<peer::OpenSockets>(&*request)) {
      if (!open->again) close_sockets();
      open_sockets();
    } else {
      close_sockets();
    }
  }
  return served;
}

// Events before the messages behind them; and reading may bring up an event.
bool Peer::tell_application() {
  if (tell_event()) return true;
  if (!reading_) return false;
  if (const auto frame = session_->read_audio()) {
    if (on_audio) on_audio(*frame);
    return true;
  }
  if (const auto frame = session_->read_video(now())) {
    if (on_video) on_video(*frame);
    return true;
  }
  const auto message = session_->read_message(now());
  if (!message) return tell_event();
  ++told_;
  world_.trace.note(world_.time.now(), name(), "reads", std::to_string(message->body.size()));
  if (on_message) on_message(*message);
  return true;
}

bool Peer::tell_event() {
  const auto event = session_->poll_event();
  if (!event) return false;
  ++told_;
  const auto* changed = std::get_if<peer::StateChanged>(&*event);
  world_.trace.note(world_.time.now(), name(), "says",
                    changed ? name_of(changed->state) : name_of_other(*event));
  if (const auto wrong = law_.hear(*event)) world_.fail(name() + ": " + *wrong);
  if (on_event) on_event(*event);
  return true;
}

// One on each address; those that are there stay.
void Peer::open_sockets() {
  std::vector<Address> sockets;
  for (const Address& address : world_.network.addresses(host_)) {
    if (!address.is_v4() && !options_.ipv6) continue;
    const auto known = std::find_if(sockets_.begin(), sockets_.end(),
                                    [&](const Address& s) { return s.ip == address.ip; });
    sockets.push_back(known != sockets_.end()
                          ? *known
                          : world_.network.bind(
                                host_, address,
                                [this](const Route& route, MutableBytes d) { receive(route, d); }));
  }
  for (const Address& socket : sockets_) {
    if (!has(sockets, socket)) {
      world_.network.unbind(host_, socket);
      lost_sockets_.push_back(socket);
    }
  }
  sockets_ = std::move(sockets);
  session_->on_sockets(now(), sockets_);
}

void Peer::close_sockets() {
  for (const Address& socket : sockets_) world_.network.unbind(host_, socket);
  sockets_.clear();
  lost_sockets_.clear();
  heard_.clear();
}

void Peer::resolve(std::uint32_t id) {
  const std::string host(session_->server_name(id));
  world_.time.after(world_.name_delay, [this, id, host, life = std::weak_ptr(life_)] {
    if (life.expired()) return;
    const auto known = world_.names.find(host);
    const auto addresses = known == world_.names.end() ? std::vector<Address>{} : known->second;
    for (const peer::Server& server : options_.servers) {
      if (server.host.view() != host) continue;
      for (const Address& address : addresses) allow(address.with_port(server.port));
    }
    session_->on_resolved(now(), id, addresses);
    pump();
  });
}

void Peer::schedule() {
  const auto due = session_->next_deadline();
  if (!due || (wake_at_ && *wake_at_ <= *due)) return;
  const Instant at =
      std::max(*due - clock_ahead_, world_.time.now()) + late_.up_to(options_.lateness);
  wake_at_ = *due;
  world_.time.at(at, [this, planned = *due, life = std::weak_ptr(life_)] {
    // A later plan may have replaced this one.
    if (!life.expired() && wake_at_ == planned) wake();
  });
}

// ---------------------------------------------------------------- the laws of the wire

void Peer::check_route(const Route& route, Bytes datagram) {
  count_sent(route.remote, datagram.size());
  if (!has(sockets_, route.local)) {
    world_.fail(name() + ": sends from a socket it has not");
  }
  const bool heard = heard_.count(route) != 0;
  if (!is_stun(datagram)) {
    if (!heard) world_.fail(name() + ": sends data where no check was heard");
    if (!secret_.empty() && contains(datagram, secret_)) world_.fail(name() + ": tells a secret");
    return;
  }
  const bool asked_for =
      std::find(allowed_.begin(), allowed_.end(), route.remote) != allowed_.end();
  if (!heard && !asked_for) world_.fail(name() + ": checks " + text_of(route.remote));
}

void Peer::count_sent(const Address& to, std::size_t bytes) {
  for (auto& [address, sum] : sent_bytes_) {
    if (address != to) continue;
    sum += bytes;
    return;
  }
  sent_bytes_.emplace_back(to, bytes);
}

void Peer::allow(const Address& target) {
  if (std::find(allowed_.begin(), allowed_.end(), target) == allowed_.end()) {
    allowed_.push_back(target);
  }
}

void Peer::note_drop(void* self, Instant at, std::string_view name, const void* event) {
  auto& peer = *static_cast<Peer*>(self);
  if (name != PacketDropped::kName) return peer.world_.trace.note(at, peer.name(), "traces", name);
  const auto& drop = *static_cast<const PacketDropped*>(event);
  peer.world_.trace.note(at, peer.name(), "drops", std::string(drop.where) + ": " + drop.why);
}

}  // namespace esp_peer::sim
