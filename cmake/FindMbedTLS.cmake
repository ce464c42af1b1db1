# Mbed TLS 2.28 where it brings neither a CMake package nor a pkg-config file, as in Debian 12:
# MbedTLS::tls with all it needs.
find_path(MbedTLS_INCLUDE_DIR mbedtls/ssl.h)
foreach(part tls x509 crypto)
  find_library(MbedTLS_${part}_LIBRARY mbed${part})
endforeach()
if(MbedTLS_INCLUDE_DIR)
  file(STRINGS ${MbedTLS_INCLUDE_DIR}/mbedtls/version.h MbedTLS_VERSION
       REGEX "define MBEDTLS_VERSION_STRING +\"")
  string(REGEX REPLACE ".*\"(.*)\".*" "\\1" MbedTLS_VERSION "${MbedTLS_VERSION}")
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(MbedTLS VERSION_VAR MbedTLS_VERSION HANDLE_VERSION_RANGE
  REQUIRED_VARS MbedTLS_tls_LIBRARY MbedTLS_x509_LIBRARY MbedTLS_crypto_LIBRARY MbedTLS_INCLUDE_DIR)
mark_as_advanced(MbedTLS_INCLUDE_DIR MbedTLS_tls_LIBRARY MbedTLS_x509_LIBRARY MbedTLS_crypto_LIBRARY)

if(MbedTLS_FOUND AND NOT TARGET MbedTLS::tls)
  foreach(part tls x509 crypto)
    add_library(MbedTLS::${part} UNKNOWN IMPORTED)
    set_target_properties(MbedTLS::${part} PROPERTIES
      IMPORTED_LOCATION ${MbedTLS_${part}_LIBRARY}
      INTERFACE_INCLUDE_DIRECTORIES ${MbedTLS_INCLUDE_DIR})
  endforeach()
  target_link_libraries(MbedTLS::x509 INTERFACE MbedTLS::crypto)
  target_link_libraries(MbedTLS::tls INTERFACE MbedTLS::x509)
endif()
