# SPDX-License-Identifier: MIT
# The two libraries, both named zio: targets zio (shared) and zio_static, aliases zio::zio and
# zio::zio_static, so that a parent project names them as an installed package does.
add_library(zio SHARED $<TARGET_OBJECTS:zio_objects>)

# The archive has one object, in which nothing but zio_* is left to be seen: what our files share
# among themselves becomes local, so that no name in a user's program can meet one of ours. What a
# sanitizer adds does not bear that.
set(zio_archived $<TARGET_OBJECTS:zio_objects>)
if(NOT ZIO_SANITIZE)
    set(zio_archived ${PROJECT_BINARY_DIR}/generated/zio.o)
    add_custom_command(OUTPUT ${zio_archived}
        COMMAND ${CMAKE_LINKER} -r --force-group-allocation -o ${zio_archived}
                $<TARGET_OBJECTS:zio_objects>
        COMMAND ${CMAKE_OBJCOPY} --localize-hidden --wildcard --keep-global-symbol=zio_*
                ${zio_archived}
        DEPENDS zio_objects $<TARGET_OBJECTS:zio_objects>
        COMMENT "Making one object of the library" COMMAND_EXPAND_LISTS VERBATIM)
    set_source_files_properties(${zio_archived} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
endif()
add_library(zio_static STATIC ${zio_archived})
add_library(zio::zio ALIAS zio)
add_library(zio::zio_static ALIAS zio_static)

set(version_script ${PROJECT_SOURCE_DIR}/capi/libzio.map)
set_target_properties(zio PROPERTIES
    SOVERSION 0 VERSION ${PROJECT_VERSION} LINKER_LANGUAGE CXX LINK_DEPENDS ${version_script})
target_link_options(zio PRIVATE
    LINKER:--version-script=${version_script}
    LINKER:-z,nodelete LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack
    # A sanitizer's runtime is in the executable, so its symbols are open here.
    $<$<NOT:$<BOOL:${ZIO_SANITIZE}>>:LINKER:-z,defs>)
set_target_properties(zio_static PROPERTIES OUTPUT_NAME zio LINKER_LANGUAGE CXX)

foreach(library zio zio_static)
    target_include_directories(${library} INTERFACE
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()

# What the archive needs beside it when a C driver links it. The shared library carries its own.
set(zio_private_libraries stdc++ m)

target_link_libraries(zio_static INTERFACE ${zio_private_libraries})
