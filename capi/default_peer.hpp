// One peer of the default implementation: a session, its sockets, and the thread rules around them.
#pragma once
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "backends/openssl/backend.hpp"
#include "backends/openssl/provider.hpp"
#include "capi/config.hpp"
#include "capi/identity_cache.hpp"
#include "peer/session.hpp"
#include "runner/linux/clock.hpp"
#include "runner/linux/heap_memory.hpp"
#include "runner/linux/resolver.hpp"
#include "runner/linux/udp_sockets.hpp"
#include "runner/linux/waiter.hpp"

namespace esp_peer::capi {

int default_paired_addr(esp_peer_handle_t inner, esp_peer_addr_t* addr);

// Every public method locks, commands the session, sends at once what that gave, unlocks, and then
// calls back. Nothing is held while the application runs.
class DefaultPeer {
 public:
  explicit DefaultPeer(const Config& config);
  DefaultPeer(const DefaultPeer&) = delete;

  bool ok() const { return waiter_.ok(); }
  int new_connection();
  int update_ice_info(esp_peer_role_t role, const esp_peer_ice_server_cfg_t* servers, int count);
  int send_msg(const esp_peer_msg_t* message);
  int send_data(const esp_peer_data_frame_t* frame);
  int create_data_channel(const esp_peer_data_channel_cfg_t* config);
  int close_data_channel(const char* label);
  int main_loop();
  int disconnect();
  int close();
  int paired_addr(esp_peer_addr_t* addr);
  void query();

 private:
  // What the application is to be told, in this order.
  struct ChannelNews {
    bool open;
    std::string label;
    std::uint16_t stream;
  };
  struct DescriptionNews {
    std::string sdp;
  };
  using News = std::variant<peer::State, DescriptionNews, ChannelNews, datachannel::Message>;
  using Lock = std::unique_lock<std::mutex>;
  struct Resolved {
    std::uint32_t id;
    std::vector<Address> addresses;
  };

  void step(Lock& lock, Instant now);
  void transmit(Instant now);
  void handle_requests(Lock& lock, Instant now);
  void open_sockets(Lock& lock, Instant now);
  void close_sockets();
  void resolve(std::uint32_t id);
  void take_resolved(Instant now);
  void receive(Instant now);
  void collect(Instant now);
  void note(const peer::Event& event);
  void wait(Lock& lock, Instant now);
  void deliver(Lock& lock);
  void tell_all(Lock& lock);
  void tell(const News& news) const;
  // A command has been given: send, and tell the loop if it sleeps too long for what is due now.
  int finish(Instant now, const Status& status);
  bool in_own_loop() const { return in_loop_ && loop_thread_ == std::this_thread::get_id(); }

  Config config_;
  linux_runner::HeapMemory memory_;
  openssl::SystemRandom random_;
  identity_cache::Source identities_;
  std::mutex mutex_;
  std::condition_variable loop_left_;
  peer::Session session_;
  linux_runner::UdpSockets sockets_;
  linux_runner::Waiter waiter_;
  std::deque<News>
      news_;  // what one burst of datagrams gave; the loop delivers all before the next
  std::thread::id loop_thread_;
  Instant sleeping_until_ = Instant::min();
  std::uint32_t attempt_ = 0;  // of opening sockets; so that a late answer to an old one is known
  bool in_loop_ = false, closing_ = false, blocked_ = false;
  std::mutex resolved_mutex_;
  std::vector<Resolved> resolved_;
  linux_runner::Resolver resolver_;  // the last member: it calls back until it is gone
};

}  // namespace esp_peer::capi
