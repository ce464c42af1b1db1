// One peer of the default implementation: a session, its sockets, and the thread rules around them.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "capi/config.hpp"
#include "capi/identity_cache.hpp"
#include "capi/news.hpp"
#include "capi/rtp_transformer.hpp"
#include "peer/session.hpp"
#include "runner/linux/heap_memory.hpp"
#include "runner/linux/resolver.hpp"
#include "runner/linux/udp_sockets.hpp"
#include "runner/linux/waiter.hpp"

namespace esp_peer::capi {

// Every command locks, tells the session, sends at once what that gave, and unlocks; callbacks run
// with nothing held. Time is read under the lock, so that it never steps back for the session.
class DefaultPeer {
 public:
  explicit DefaultPeer(const Config& config);
  DefaultPeer(const DefaultPeer&) = delete;

  // The commands of the C API; each says an esp_peer_err_t.
  int new_connection();
  int update_ice_info(esp_peer_role_t role, const esp_peer_ice_server_cfg_t* servers, int count);
  int send_msg(const esp_peer_msg_t* message);
  int send_data(const esp_peer_data_frame_t* frame);
  int send_audio(const esp_peer_audio_frame_t* frame);
  int send_video(const esp_peer_video_frame_t* frame);
  int create_data_channel(const esp_peer_data_channel_cfg_t* config);
  int create_ext_channel(const esp_peer_ext_channel_cfg_t* config, std::uint16_t* stream);
  int close_data_channel(const char* label);
  int disconnect();
  int restart_ice();
  int set_rtp_transformer(rtp::Way way, const esp_peer_rtp_transform_cb_t* callbacks, void* ctx);
  int main_loop();
  // With a background thread: what that does, and main_loop() does not. When to work again, see
  // WorkerThread.
  std::optional<Instant> work();
  // close() in two steps: afterwards the loop ends; then, with nobody else inside, the end is told.
  void begin_close();
  void finish_close();
  void attach(esp_peer_handle_t self) { self_ = self; }  // before anybody else has it

  bool ok() const { return waiter_.ok(); }
  bool has_background_thread() const { return config_.background_thread; }
  int readable_fd() const { return waiter_.fd(); }  // when there is something for work()
  bool calling_back() const;                        // this thread is in a callback of this peer
  int paired_addr(esp_peer_addr_t* addr);
  int buffered_amount(std::uint32_t* bytes);
  int set_low_threshold(std::uint32_t bytes);
  int stats(esp_peer_ext_stats_t* stats);
  int failure(esp_peer_ext_failure_t* failure);
  int frame_time(std::uint64_t* ntp);
  void query();

 private:
  using Lock = std::unique_lock<std::mutex>;
  // With a background thread an application may fetch late, or never. So many pieces of news wait:
  // from half of it on, or above the cache of their kind, messages, pictures and sound stay in the
  // session. There the peer's window shuts, and the oldest of media is given up; only the session
  // can tell which pictures are of no use without those. At all of it, the peer stands still.
  static constexpr std::size_t max_untold = 8192;
  struct Resolved {
    std::uint32_t epoch;  // of the sockets for which it was asked
    std::uint32_t id;
    std::vector<Address> addresses;
  };

  // What both commands and the loop do, with the lock.
  void transmit(Instant now);
  void acknowledge(Instant now, TxBatch& batch);
  void collect(Instant now);
  void watch_buffer();
  void send(const TxBatch& batch);
  int create(const esp_peer_data_channel_cfg_t& config, datachannel::ChannelOptions options,
             std::uint16_t* stream);
  void note(const peer::Event& event);
  void note_text(News news, std::string_view text);
  void note_channel(News::Kind kind, datachannel::StreamId stream);
  int finish(Instant now, const Status& status);
  void close_sockets();
  void resolve(std::uint32_t id);
  void wake_if_needed();
  void interrupt();
  bool may_read(News::Kind kind);
  std::size_t cache_of(News::Kind kind) const;
  void collect_media(Instant now);

  // The parts of main_loop().
  void step(Lock& lock);
  void handle_requests(Lock& lock);
  void open_sockets(Lock& lock);
  void take_resolved(Instant now);
  void receive();
  void wait(Lock& lock);
  void wait_for_news(Lock& lock);
  void catch_up();
  void deliver(Lock& lock);

  void tell_from_here(Lock& lock, bool all);
  News take_news();
  void tell_one(News& news) const;

  const Config config_;
  esp_peer_handle_t self_ = nullptr;  // what the background thread knows us by
  linux_runner::HeapMemory memory_;
  identity_cache::Source identities_;
  RtpTransformer transformer_{memory_};
  std::mutex mutex_;
  peer::Session session_;
  linux_runner::UdpSockets sockets_;
  linux_runner::Waiter waiter_;
  NewsQueue news_;
  Instant sleeping_until_ = Instant::min();  // of the loop; min: it does not sleep
  std::uint32_t socket_epoch_ = 0;           // an answer to an older question is thrown away
  peer::Failure told_failure_ = peer::Failure::none;  // with the last end that was told
  bool in_loop_ = false, closing_ = false;
  // Of a peer with a background thread:
  std::condition_variable news_came_;
  bool interrupted_ = false;    // the wait for news that is on, or the next one, ends
  bool reading_rests_ = false;  // something waits in the session until more is told
  bool stands_still_ = false;   // so does everything
  std::size_t low_threshold_ = 0;
  bool above_threshold_ = false;
  struct Traffic {
    std::uint64_t messages = 0, bytes = 0, datagrams = 0, wire_bytes = 0;
  } sent_, received_;
  std::mutex resolved_mutex_;
  std::vector<Resolved> resolved_;
  linux_runner::Resolver resolver_;  // the last member: it calls back until it is gone
};

}  // namespace esp_peer::capi
