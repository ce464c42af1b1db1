// The operations table of the default implementation.
#include "capi/default_impl.hpp"

#include <new>

#include "capi/default_peer.hpp"
#include "capi/handle_table.hpp"
#include "capi/identity_cache.hpp"
#include "runner/linux/worker_thread.hpp"

namespace esp_peer::capi {
namespace {

using linux_runner::WorkerThread;
using Table = Handles<DefaultPeer, 3>;
constinit ProgramHandles<DefaultPeer, 3> program_handles;
Table& peers = program_handles.table;

template <class Method, class... Args>
int on_peer(esp_peer_handle_t handle, Method method, Args... args) {
  if (RtpTransformer::working_here()) return ESP_PEER_ERR_WRONG_STATE;
  const Table::Pin peer(peers, handle);
  return peer ? ((*peer).*method)(args...) : static_cast<int>(ESP_PEER_ERR_INVALID_ARG);
}

std::optional<Instant> work(void* handle) {
  const Table::Pin peer(peers, handle);
  return peer ? peer->work() : std::nullopt;
}

// Nobody gets in any more; whoever is inside comes out, the loop first of all. From inside a
// callback there is nobody to wait for but ourselves: then the last one out frees.
int close_peer(esp_peer_handle_t h) {
  Table::Pin peer(peers, h);
  if (!peer || !peer.retire()) return ESP_PEER_ERR_INVALID_ARG;
  peer->begin_close();
  if (peer->has_background_thread()) WorkerThread::instance().remove(h);
  if (!peer->calling_back()) peer.wait_until_alone();
  peer->finish_close();
  return ESP_PEER_ERR_NONE;
}

int open_peer(esp_peer_cfg_t* cfg, esp_peer_handle_t* handle) {
  if (!cfg || !handle) return ESP_PEER_ERR_INVALID_ARG;
  auto config = read_config(*cfg);
  if (!config) return to_c_error(config.error().code);
  auto* const peer = new (std::nothrow) DefaultPeer(*config);
  if (!peer) return ESP_PEER_ERR_NO_MEM;
  void* const inserted = peer->ok() ? peers.insert(peer) : nullptr;
  if (!inserted) {
    const int why = peer->ok() ? ESP_PEER_ERR_NO_MEM : ESP_PEER_ERR_FAIL;
    delete peer;
    return why;
  }
  peer->attach(inserted);
  if (peer->has_background_thread() &&
      !WorkerThread::instance().add(inserted, peer->readable_fd(), work)) {
    Table::Pin(peers, inserted).retire();  // the last one out, who frees it
    return ESP_PEER_ERR_FAIL;
  }
  *handle = inserted;
  return ESP_PEER_ERR_NONE;
}

int new_connection(esp_peer_handle_t h) { return on_peer(h, &DefaultPeer::new_connection); }

int update_ice_info(esp_peer_handle_t h, esp_peer_role_t role, esp_peer_ice_server_cfg_t* servers,
                    int count) {
  return on_peer(h, &DefaultPeer::update_ice_info, role,
                 static_cast<const esp_peer_ice_server_cfg_t*>(servers), count);
}

int send_msg(esp_peer_handle_t h, esp_peer_msg_t* message) {
  return on_peer(h, &DefaultPeer::send_msg, static_cast<const esp_peer_msg_t*>(message));
}

int send_video(esp_peer_handle_t h, esp_peer_video_frame_t* frame) {
  return on_peer(h, &DefaultPeer::send_video, static_cast<const esp_peer_video_frame_t*>(frame));
}

int send_audio(esp_peer_handle_t h, esp_peer_audio_frame_t* frame) {
  return on_peer(h, &DefaultPeer::send_audio, static_cast<const esp_peer_audio_frame_t*>(frame));
}

int set_rtp_transformer(esp_peer_handle_t h, esp_peer_rtp_transform_role_t role,
                        esp_peer_rtp_transform_cb_t* callbacks, void* ctx) {
  const bool sender = raw(role) == ESP_PEER_RTP_TRANSFORM_ROLE_SENDER;
  if (!sender && raw(role) != ESP_PEER_RTP_TRANSFORM_ROLE_RECEIVER) return ESP_PEER_ERR_INVALID_ARG;
  return on_peer(h, &DefaultPeer::set_rtp_transformer, sender ? rtp::Way::out : rtp::Way::in,
                 static_cast<const esp_peer_rtp_transform_cb_t*>(callbacks), ctx);
}

int send_data(esp_peer_handle_t h, esp_peer_data_frame_t* frame) {
  return on_peer(h, &DefaultPeer::send_data, static_cast<const esp_peer_data_frame_t*>(frame));
}

int create_data_channel(esp_peer_handle_t h, esp_peer_data_channel_cfg_t* config) {
  return on_peer(h, &DefaultPeer::create_data_channel,
                 static_cast<const esp_peer_data_channel_cfg_t*>(config));
}

int close_data_channel(esp_peer_handle_t h, const char* label) {
  return on_peer(h, &DefaultPeer::close_data_channel, label);
}

int main_loop(esp_peer_handle_t h) { return on_peer(h, &DefaultPeer::main_loop); }

int disconnect(esp_peer_handle_t h) { return on_peer(h, &DefaultPeer::disconnect); }

void query(esp_peer_handle_t h) {
  if (RtpTransformer::working_here()) return;
  const Table::Pin peer(peers, h);
  if (peer) peer->query();
}

}  // namespace

bool in_rtp_transformer() { return RtpTransformer::working_here(); }

int default_paired_addr(esp_peer_handle_t inner, esp_peer_addr_t* addr) {
  return on_peer(inner, &DefaultPeer::paired_addr, addr);
}

int default_restart_ice(esp_peer_handle_t inner) {
  return on_peer(inner, &DefaultPeer::restart_ice);
}

int default_create_channel(esp_peer_handle_t inner, const esp_peer_ext_channel_cfg_t* config,
                           std::uint16_t* stream) {
  return on_peer(inner, &DefaultPeer::create_ext_channel, config, stream);
}

int default_buffered_amount(esp_peer_handle_t inner, std::uint32_t* bytes) {
  return on_peer(inner, &DefaultPeer::buffered_amount, bytes);
}

int default_set_low_threshold(esp_peer_handle_t inner, std::uint32_t bytes) {
  return on_peer(inner, &DefaultPeer::set_low_threshold, bytes);
}

int default_stats(esp_peer_handle_t inner, esp_peer_ext_stats_t* stats) {
  return on_peer(inner, &DefaultPeer::stats, stats);
}

int default_frame_time(esp_peer_handle_t inner, std::uint64_t* ntp) {
  return on_peer(inner, &DefaultPeer::frame_time, ntp);
}

int default_failure(esp_peer_handle_t inner, esp_peer_ext_failure_t* failure) {
  return on_peer(inner, &DefaultPeer::failure, failure);
}

}  // namespace esp_peer::capi

using namespace esp_peer;

const esp_peer_ops_t* esp_peer_get_default_impl(void) {
  static const esp_peer_ops_t ops = {
      .open = capi::open_peer,
      .new_connection = capi::new_connection,
      .update_ice_info = capi::update_ice_info,
      .send_msg = capi::send_msg,
      .send_video = capi::send_video,
      .send_audio = capi::send_audio,
      .send_data = capi::send_data,
      .create_data_channel = capi::create_data_channel,
      .close_data_channel = capi::close_data_channel,
      .main_loop = capi::main_loop,
      .disconnect = capi::disconnect,
      .query = capi::query,
      .close = capi::close_peer,
      .set_rtp_transformer = capi::set_rtp_transformer,
  };
  return &ops;
}

int esp_peer_pre_generate_cert(void) {
  return capi::identity_cache::pre_generate() ? ESP_PEER_ERR_NONE : ESP_PEER_ERR_FAIL;
}

int esp_peer_set_dtls_cipher_pref(esp_peer_dtls_cipher_pref_t pref) {
  switch (capi::raw(pref)) {
    case ESP_PEER_DTLS_CIPHER_AUTO:
      capi::identity_cache::set_cipher_preference(dtls::CipherPreference::automatic);
      return 0;
    case ESP_PEER_DTLS_CIPHER_AES_GCM:
      capi::identity_cache::set_cipher_preference(dtls::CipherPreference::aes_gcm);
      return 0;
    case ESP_PEER_DTLS_CIPHER_CHACHA:
      capi::identity_cache::set_cipher_preference(dtls::CipherPreference::chacha);
      return 0;
  }
  return -1;
}
