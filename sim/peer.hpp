// A runner for one session in a simulated world: carries its datagrams, opens its sockets, keeps
// its time, and watches that it obeys the laws that every machine obeys.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "peer/session.hpp"
#include "sim/memory.hpp"
#include "sim/state_law.hpp"
#include "sim/world.hpp"

namespace esp_peer::sim {

struct PeerOptions {
  std::string name = "peer";
  peer::SessionOptions session{};
  std::vector<peer::Server> servers{};
  bool ipv6 = true;
  // Datagrams that its runner lends room for at once: a microcontroller has room for one.
  std::size_t batch = 40;
  // Where what it receives stands in memory, and what it is lent to write into: so many bytes
  // behind an address that any type may have.
  std::size_t misalignment = 0;
  // Its runner wakes it so late, at most.
  Duration lateness{0};
};

class Peer final : private peer::IdentitySource {
 public:
  Peer(World& world, HostId host, const PeerOptions& options, crypto::Provider& crypto,
       dtls::Backend& backend);
  Peer(const Peer&) = delete;
  ~Peer();

  // The application. It may give commands from within.
  std::function<void(const peer::Event&)> on_event;
  std::function<void(const datachannel::Message&)> on_message;
  std::function<void(const peer::AudioFrame&)> on_audio;
  std::function<void(const peer::VideoFrame&)> on_video;

  // Gives a command to the session, and carries out what follows from it.
  template <class Command>
  auto command(Command give) {
    auto result = give(*session_, now());
    pump();
    return result;
  }
  Status connect() {
    return command([](auto& s, Instant now) { return s.new_connection(now); });
  }
  Status set_servers(const std::vector<peer::Server>& servers);
  Status disconnect() {
    return command([](auto& s, Instant now) { return s.disconnect(now); });
  }
  // What the signalling brings. Its candidates are where checks may go from now on.
  Status hear_description(std::string_view sdp);
  Status hear_candidate(std::string_view line);
  // Messages are read as they come, or stay where they are.
  void set_reading(bool reading);
  // A datagram that nobody on the network sent: the session has the same state before and after,
  // tells its application nothing, keeps no memory, and answers no more than came.
  void inject_worthless(const Route& route, std::vector<std::byte> datagram, std::string_view what);
  // The process is gone, without a word.
  void kill();
  // It stands still, as one that is stopped or whose application does not come back from a
  // callback: what comes waits in its sockets. Going on, it finds all of that at once.
  void stand_still();
  void go_on();
  // Its monotonic clock jumps, as over a suspended night. It notices with its next wake.
  void jump_clock(Duration ahead);

  bool alive() const { return session_ != nullptr; }
  peer::Session& session() { return *session_; }
  const std::string& name() const { return options_.name; }
  HostId host() const { return host_; }
  const std::vector<Address>& sockets() const { return sockets_; }
  CountingMemory& memory() { return memory_; }
  peer::State state() const { return law_.connection(); }
  bool data_open() const { return law_.open_channels() > 0; }
  int attempts() const { return law_.attempts(); }
  std::uint64_t state_hash() const;
  // To each remote address, ever.
  std::uint64_t bytes_sent_to(const Address& remote) const;
  // Must not be found in what is sent.
  void set_secret(std::string secret) { secret_ = std::move(secret); }

 private:
  struct RouteLess {
    bool operator()(const Route& a, const Route& b) const {
      if (a.local.ip != b.local.ip) return a.local.ip < b.local.ip;
      if (a.local.port != b.local.port) return a.local.port < b.local.port;
      if (a.remote.ip != b.remote.ip) return a.remote.ip < b.remote.ip;
      return a.remote.port < b.remote.port;
    }
  };

  dtls::Identity* identity() override { return backend_.create_identity(1'700'000'000); }

  Instant now() const { return world_.time.now() + clock_ahead_; }
  void receive(const Route& route, MutableBytes datagram);
  void wake();
  void pump();
  bool transmit();
  bool serve_requests();
  bool tell_application();
  bool tell_event();
  void open_sockets();
  void close_sockets();
  void resolve(std::uint32_t id);
  void schedule();
  void check_route(const Route& route, Bytes datagram);
  void count_sent(const Address& to, std::size_t bytes);
  void allow(const Address& target);
  static void note_drop(void* self, Instant at, std::string_view name, const void* event);

  World& world_;
  HostId host_;
  PeerOptions options_;
  dtls::Backend& backend_;
  CountingMemory memory_;
  SimRandom random_;
  Rng late_;
  std::unique_ptr<peer::Session> session_;
  std::shared_ptr<int> life_ = std::make_shared<int>();  // what is scheduled looks whether we live
  std::vector<Address> sockets_;
  std::vector<Address> lost_sockets_;  // of addresses that are no more: what is sent there is lost
  StateLaw law_;
  std::optional<Instant> wake_at_;
  Instant last_wake_ = Instant::min();
  int wakes_at_once_ = 0;
  Duration clock_ahead_{0};
  bool pumping_ = false, reading_ = true, still_ = false;
  // In its sockets while it stands still: at most what a kernel keeps, further ones are lost.
  static constexpr std::size_t max_waiting = 200'000;
  std::vector<std::pair<Route, std::vector<std::byte>>> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::uint64_t told_ = 0;  // events and messages, ever
  std::string secret_;
  // Laws of the wire: checks go to servers, candidates, and those who were heard; the rest only
  // where checks have been heard on the same route.
  std::set<Route, RouteLess> heard_;
  std::vector<Address> allowed_;
  std::vector<std::pair<Address, std::uint64_t>> sent_bytes_;  // by remote address
};

}  // namespace esp_peer::sim
