# The library in both kinds, and its installation: headers, CMake package, pkg-config file.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# esp_peer_library(target kind tls): all modules, over one TLS library and the SRTP of this build.
function(esp_peer_library target kind tls)
  get_property(modules GLOBAL PROPERTY ESP_PEER_MODULES)
  get_property(libraries GLOBAL PROPERTY ESP_PEER_TLS_LIBRARIES_${tls})
  if(ESP_PEER_MEDIA)
    get_property(srtp GLOBAL PROPERTY ESP_PEER_SRTP_LIBRARIES_${ESP_PEER_SRTP})
    get_property(objects GLOBAL PROPERTY ESP_PEER_SRTP_OBJECTS_${ESP_PEER_SRTP})
    list(APPEND libraries ${srtp})
  endif()
  foreach(module IN LISTS modules ITEMS esp_peer_${tls} esp_peer_tls_${tls})
    list(APPEND objects $<TARGET_OBJECTS:${module}>)
  endforeach()
  add_library(${target} ${kind} ${objects})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(${target} PRIVATE ${libraries} Threads::Threads)
  target_include_directories(${target} INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endfunction()

esp_peer_library(esp_peer SHARED ${ESP_PEER_TLS})
esp_peer_library(esp_peer_static STATIC ${ESP_PEER_TLS})
add_library(esp_peer::esp_peer ALIAS esp_peer)
add_library(esp_peer::esp_peer_static ALIAS esp_peer_static)
set_target_properties(esp_peer PROPERTIES
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
set_target_properties(esp_peer_static PROPERTIES OUTPUT_NAME esp_peer)
# Only the C API leaves the shared library.
target_link_options(esp_peer PRIVATE
  -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/esp_peer.map)
set_target_properties(esp_peer PROPERTIES
  LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/esp_peer.map)

if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/esp_peer)
install(TARGETS esp_peer esp_peer_static EXPORT esp_peer
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/esp_peer.h include/esp_peer_types.h include/esp_peer_default.h
              include/esp_peer_ext.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_BINARY_DIR}/include/esp_peer/features.hpp
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/esp_peer)
install(EXPORT esp_peer NAMESPACE esp_peer:: FILE esp_peer-targets.cmake DESTINATION ${package_dir})
set(find_srtp "")
set(srtp_requires "")
if(ESP_PEER_MEDIA AND ESP_PEER_SRTP STREQUAL openssl)
  set(find_srtp "find_dependency(OpenSSL 3.0)
")
  set(srtp_requires "libcrypto >= 3.0")
elseif(ESP_PEER_MEDIA)
  set(find_srtp "find_dependency(PkgConfig)
pkg_check_modules(libsrtp REQUIRED IMPORTED_TARGET libsrtp2>=2.3)
")
  set(srtp_requires "libsrtp2 >= 2.3")
endif()
if(ESP_PEER_TLS STREQUAL mbedtls)
  install(FILES cmake/FindMbedTLS.cmake DESTINATION ${package_dir})
  set(find_tls "list(APPEND CMAKE_MODULE_PATH \${CMAKE_CURRENT_LIST_DIR})
find_dependency(MbedTLS 2.28...<3)")
  set(tls_requires "")
  set(tls_libs "-lmbedtls -lmbedx509 -lmbedcrypto ") # for which there is no pkg-config file
else()
  set(find_tls "find_dependency(OpenSSL 3.0)")
  set(tls_requires "libssl >= 3.0, libcrypto >= 3.0, ")
  set(tls_libs "")
endif()
file(WRITE ${PROJECT_BINARY_DIR}/esp_peer-config.cmake
"include(CMakeFindDependencyMacro)
${find_tls}
find_dependency(Threads)
${find_srtp}include(\${CMAKE_CURRENT_LIST_DIR}/esp_peer-targets.cmake)
")
write_basic_package_version_file(${PROJECT_BINARY_DIR}/esp_peer-config-version.cmake
                                 COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/esp_peer-config.cmake
              ${PROJECT_BINARY_DIR}/esp_peer-config-version.cmake DESTINATION ${package_dir})
# Two folders up from <libdir>/pkgconfig; <libdir> may itself have two parts.
file(RELATIVE_PATH up /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/esp_peer.pc.in esp_peer.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/esp_peer.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
