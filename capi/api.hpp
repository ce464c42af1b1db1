// The C headers with their functions visible to programs; everything else of the library is hidden.
#pragma once
#pragma GCC visibility push(default)
#include "esp_peer.h"
#include "esp_peer_default.h"
#include "esp_peer_ext.h"
#pragma GCC visibility pop
