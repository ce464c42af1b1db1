module pion_media

go 1.19
