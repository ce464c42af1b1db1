// Not linked into anything: the size of each array is the sizeof of a machine, for check_size.py.
#include "ice/agent.hpp"
#include "peer/connection.hpp"
#include "peer/session.hpp"
#include "turn/client.hpp"

#define SIZE_OF(name, type)             \
  extern const char name[sizeof(type)]; \
  const char name[sizeof(type)] = {1}

namespace esp_peer {
SIZE_OF(sizeof_ice_agent, ice::Agent);
SIZE_OF(sizeof_turn_client, turn::Client);
SIZE_OF(sizeof_sctp_association, sctp::Association);
SIZE_OF(sizeof_channels, datachannel::Channels);
SIZE_OF(sizeof_secure_path, peer::SecurePath);
SIZE_OF(sizeof_data_session, peer::DataSession);
SIZE_OF(sizeof_audio_session, peer::AudioSession);
SIZE_OF(sizeof_video_session, peer::VideoSession);
SIZE_OF(sizeof_media_session, peer::MediaSession);
SIZE_OF(sizeof_connection, peer::Connection);
SIZE_OF(sizeof_session, peer::Session);
}  // namespace esp_peer
