// That a program's media goes through the SRTP for which it was linked.
#include <gtest/gtest.h>

#include "backends/libsrtp/backend.hpp"
#include "backends/openssl_srtp/backend.hpp"
#include "capi/audio.hpp"

TEST(Srtp, is_the_one_that_was_asked_for) {
  EXPECT_EQ(esp_peer::capi::media_backend(), &esp_peer::ESP_PEER_TEST_SRTP::backend());
}
