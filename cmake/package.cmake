# SPDX-License-Identifier: Apache-2.0
# The Debian package, made by `make deb`, which configures for /usr in a folder of its own.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME cosmicman)
set(CPACK_PACKAGE_CONTACT "CosmicMan Bench maintainers <maintainers@cosmicman.invalid>" CACHE STRING "maintainer of the package")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "text-to-human-image models: generate, score, bench, train")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"CosmicMan Bench draws people from dense descriptions with Stable Diffusion's
architectures, on the CPU, and measures how well the images follow the text.
It generates, scores, compares and trains, and writes reports. Small models
are included; diffusers folders and single-file checkpoints can be opened.
.
The package holds the program, its models, prompts and suites, and a C library.")
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS gnuplot-nox)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "gcc, pkg-config")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/cmake/package_pages.cmake)
install(FILES cmake/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})
include(CPack)
