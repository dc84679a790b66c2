# What `cmake --install build` puts where. Prefix /usr unless another is named, because the defaults of
# plugins.path and plugins.worker (settings.def) are /usr/lib/direct; with another prefix set both in direct.toml.
if(CMAKE_INSTALL_PREFIX_INITIALIZED_TO_DEFAULT)
  set_property(CACHE CMAKE_INSTALL_PREFIX PROPERTY VALUE /usr)
endif()
include(GNUInstallDirs)

install(TARGETS direct-milter RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS directctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# Not on anybody's path: started by the daemon alone. The same folder on every architecture, as settings.def names it.
install(TARGETS direct-parse RUNTIME DESTINATION lib/direct)
get_property(direct_plugins GLOBAL PROPERTY DIRECT_PLUGINS)
install(TARGETS ${direct_plugins} LIBRARY DESTINATION lib/direct/plugins)
# For a site's own plugins (plugins/README.md): the contract, and a helper that includes nothing of ours.
install(FILES plugins/parser_plugin.h plugins/json_writer.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/direct
  COMPONENT headers)
install(FILES plugins/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/plugins COMPONENT headers)

install(DIRECTORY conf/pickup/ DESTINATION ${CMAKE_INSTALL_DATADIR}/direct/pickup PATTERN "*.md" EXCLUDE)
install(DIRECTORY conf/notices/ DESTINATION ${CMAKE_INSTALL_DATADIR}/direct/notices PATTERN "*.md" EXCLUDE)
install(DIRECTORY conf/policies/ DESTINATION ${CMAKE_INSTALL_DATADIR}/direct/policies PATTERN "*.md" EXCLUDE)
install(DIRECTORY conf/postfix/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/postfix PATTERN "*.md" EXCLUDE)
install(FILES conf/direct.toml.sample README.md INSTALL.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
file(GLOB units CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/conf/systemd/*.service)
install(FILES ${units} DESTINATION lib/systemd/system)
install(FILES conf/systemd/direct-milter.sysusers DESTINATION lib/sysusers.d RENAME direct-milter.conf)
install(FILES conf/systemd/direct-milter.tmpfiles DESTINATION lib/tmpfiles.d RENAME direct-milter.conf)
install(FILES conf/systemd/direct-milter.sysusers DESTINATION lib/sysusers.d RENAME direct-milter.conf)
install(FILES conf/systemd/direct-milter.tmpfiles DESTINATION lib/tmpfiles.d RENAME direct-milter.conf)
foreach(section 1 5 8)
  file(GLOB pages CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/conf/man/*.${section})
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()

# Everything a site runs, without the tests.
add_custom_target(programs DEPENDS direct-milter directctl direct-parse ${direct_plugins})
