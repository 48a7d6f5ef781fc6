SITENAME, SITEURL, TIMEZONE, DEFAULT_LANG = "规模", "https://gongshi.example.gov.cn", "Asia/Shanghai", "zh"
PATH, OUTPUT_PATH, THEME = "content", "output", "theme"
ARTICLE_URL = ARTICLE_SAVE_AS = "subjects/{slug}.html"
DIRECT_TEMPLATES: list[str] = []
AUTHOR_SAVE_AS = CATEGORY_SAVE_AS = TAG_SAVE_AS = ""
FEED_ALL_ATOM = CATEGORY_FEED_ATOM = TRANSLATION_FEED_ATOM = AUTHOR_FEED_ATOM = AUTHOR_FEED_RSS = None
