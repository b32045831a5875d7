# Writes the migrations of SOURCE (a folder of NNNN_name.sql) as the C table OUTPUT:
#   cmake -DSOURCE=sql/schema -DOUTPUT=migrations.c -P embed_sql.cmake
cmake_minimum_required(VERSION 3.25)
set(numbers "")
file(GLOB files ${SOURCE}/*.sql)
list(SORT files)
set(rows "")
foreach(path IN LISTS files)
	get_filename_component(stem ${path} NAME_WE)
	if(NOT stem MATCHES "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)$")
		message(FATAL_ERROR "${path}: a migration is named NNNN_what.sql")
	endif()
	set(name ${CMAKE_MATCH_2})
	string(REGEX REPLACE "^0+" "" number ${CMAKE_MATCH_1})
	if(number IN_LIST numbers)
		message(FATAL_ERROR "${path}: there is a migration with this number already, and only one of them would be applied")
	endif()
	list(APPEND numbers ${number})
	file(READ ${path} text)
	string(REPLACE "\\" "\\\\" text "${text}")
	string(REPLACE "\"" "\\\"" text "${text}")
	string(REPLACE "\n" "\\n\"\n\t \"" text "${text}")
	string(APPEND rows "\t{${number}, \"${name}\",\n\t \"${text}\"},\n")
endforeach()
file(WRITE ${OUTPUT} "/* Made from sql/schema by cmake/embed_sql.cmake. */
#include \"store/migrations.h\"

const struct weir_migration weir_migrations[] = {
${rows}\t{0, NULL, NULL},
};
")
