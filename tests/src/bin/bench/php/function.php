<?php
// What the vendor's example does for each request, for measurement: the chat is one JSON file, read and written whole;
// every call to the portal opens a connection of its own.

function chat_file($chat) { return __DIR__ . '/chats/' . basename($chat) . '.txt'; }

function chat_read($chat)
{
    return file_exists(chat_file($chat)) ? json_decode(file_get_contents(chat_file($chat)), true) : [];
}

function chat_append($chat, $message)
{
    $messages = chat_read($chat) ?: [];
    $number = count($messages);
    $messages['message' . $number] = $message;
    return file_put_contents(chat_file($chat), json_encode($messages)) ? $number : false;
}

function portal_call($method, $params)
{
    $settings = json_decode(file_get_contents(__DIR__ . '/settings.json'), true);
    $params['auth'] = $settings['access_token'];
    $call = curl_init();
    curl_setopt_array($call, [
        CURLOPT_URL => $settings['client_endpoint'] . $method . '.json',
        CURLOPT_POST => true,
        CURLOPT_HEADER => false,
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_USERAGENT => 'PHP example',
        CURLOPT_POSTFIELDS => http_build_query($params),
    ]);
    $answer = curl_exec($call);
    curl_close($call);
    return json_decode($answer, true);
}

function to_html($text)
{
    $tags = ['/\[b\](.*?)\[\/b\]/is', '/\[br\]/is', '/\[i\](.*?)\[\/i\]/is', '/\[u\](.*?)\[\/u\]/is',
        '/\[img\](.*?)\[\/img\]/is', '/\[url\](.*?)\[\/url\]/is', '/\[url\=(.*?)\](.*?)\[\/url\]/is'];
    $html = ['<strong>$1</strong>', '<br>', '<em>$1</em>', '<u>$1</u>', '<img src="$1" />', '<a href="$1">$1</a>',
        '<a href="$1">$2</a>'];
    return preg_replace($tags, $html, $text);
}
