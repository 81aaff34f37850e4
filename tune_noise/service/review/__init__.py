"""`tune-noise review`: a page on this machine on which people check labels, one by one."""
