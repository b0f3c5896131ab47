# SPDX-License-Identifier: Apache-2.0
# What is installed: the program, the library with its header, the data that both look up, man pages, completion.

# The program and the static library hold everything; the shared library exports the public interface alone.
set_target_properties(cm_core PROPERTIES POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)
set(INSTALLED_TARGETS cosmicman)
if(NOT CM_SANITIZE AND NOT CM_FUZZ)
    add_library(cosmicman_shared SHARED core/api/cosmicman_api.c)
    target_link_libraries(cosmicman_shared PRIVATE cm_core)
    target_link_options(cosmicman_shared PRIVATE -Wl,--as-needed -Wl,--no-undefined)
    set_target_properties(cosmicman_shared PROPERTIES OUTPUT_NAME cosmicman C_VISIBILITY_PRESET hidden
        VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
    list(APPEND INSTALLED_TARGETS cosmicman_shared)
endif()
install(TARGETS ${INSTALLED_TARGETS})
install(FILES $<TARGET_FILE:cm_core> DESTINATION ${CMAKE_INSTALL_LIBDIR} RENAME libcosmicman.a)
install(FILES core/api/cosmicman.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

# pkg-config: what the static library needs is private, so that programs with the shared one need none of it.
file(RELATIVE_PATH PC_TO_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
list(JOIN OPENBLAS_LDFLAGS " " PC_OPENBLAS) # -L, -l
set(PC_LIBS_PRIVATE "-lpng -ljpeg -lgif -lwebpdemux -lwebp -lz -lcrypto -ljansson -lcairo ${PC_OPENBLAS} -llapacke -lm -pthread")
configure_file(cmake/cosmicman.pc.in cosmicman.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/cosmicman.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# The data keep the tree's folders, so that COSMICMAN_HOME may name either.
set(DATA ${CMAKE_INSTALL_DATADIR}/cosmicman)
install(DIRECTORY core/models DESTINATION ${DATA}/core
    FILES_MATCHING PATTERN "*.json" PATTERN "*.txt" PATTERN "*.md" PATTERN "*.safetensors")
install(DIRECTORY prompts/sets DESTINATION ${DATA}/prompts)
install(DIRECTORY harness/suites DESTINATION ${DATA}/harness)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR})

# Man pages and completion, as the program prints them.
set(PAGES ${CMAKE_BINARY_DIR}/pages)
add_custom_command(OUTPUT ${PAGES}/man/cosmicman.1
    COMMAND sh ${CMAKE_SOURCE_DIR}/cmake/pages.sh ${PAGES} ${CMAKE_CROSSCOMPILING_EMULATOR} $<TARGET_FILE:cosmicman>
    DEPENDS cosmicman ${CMAKE_SOURCE_DIR}/cmake/pages.sh
    COMMENT "man pages and shell completion")
add_custom_target(pages ALL DEPENDS ${PAGES}/man/cosmicman.1)
install(DIRECTORY ${PAGES}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${PAGES}/completion/cosmicman DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
set(ZSH_FOLDER site-functions)
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr") # a distribution's package: Debian leaves the other one to its administrator
    set(ZSH_FOLDER vendor-completions)
endif()
install(FILES ${PAGES}/completion/_cosmicman DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/${ZSH_FOLDER})
install(FILES ${PAGES}/completion/cosmicman.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
