/* Which Shoal this is. */
#ifndef SHOAL_BASE_VERSION_H
#define SHOAL_BASE_VERSION_H

const char *version_number(void); /* `0.1.0` */
const char *version_commit(void); /* what `git describe` said when it was built; `unknown` outside a repository */

#endif
